"""Where other people's files are parsed: in child processes that may do little and can be lost.

`confinement` is what a child gives up before it opens a file, `opening` how it opens one, `child` its loop.
`messages` is what goes over the pipe: bounded, and JSON, so that a child can make the parent run nothing.
`parser` is the parent's side of one child; `ahead` lets several run ahead of whoever takes the documents, and `head`
asks one for the first rows of a table.
"""
