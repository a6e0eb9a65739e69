"""The JSON API that stands beside the pages, in the same process and on the same opened home.

    guard      who may ask: token, origin, size of the body
    reading    parameters and bodies -> values, or a sentence about what is wrong
    answers    records -> JSON; errors -> status and sentence
    openapi    the paths, and their description for programs
    routes     a path's way from the request to its verb
    verbs      what each does: one call to `SearchApp`

docs/api.md shows it from outside.
"""
