"""SearchApp: the wiring, one method a verb; what the command line and the pages talk to.

The verbs are in rooms with the same names as the command line's. It connects to Milvus and loads an encoder when
the first verb needs them, so a status costs neither. Every piece of long work takes a request and a `Report`, and
runs the same way as a job. What is called in somebody's name asks for their role first (`guarding`).
"""

from search_app.app.care import Care
from search_app.app.documents import Documents
from search_app.app.guarding import guarded
from search_app.app.judging import Judging
from search_app.app.searching import Searching
from search_app.app.users import Users
from search_app.app.working import Working


@guarded
class SearchApp(Working, Documents, Searching, Judging, Care, Users):
    """One home, opened."""
