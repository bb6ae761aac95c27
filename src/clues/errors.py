"""Every error that a user can do something about, as one tree. Each text says what, where and what to do.

    CluesError
    ├── UsageError            a command that cannot be carried out as given
    ├── SettingError          a setting
    ├── MissingExtraError     an extra of clues that is not installed
    ├── InUseError            a folder that holds something already
    ├── DataError             rows and their files
    │   ├── ReadingError      ├── WritingError      ├── UnusableRecord    ├── NoRowsError
    │   ├── ChatTemplateError ├── NoResponseToken   ├── CannotSpoil       ├── MissingLabelError
    │   └── PoolError
    ├── ModelError            a base model
    │   ├── AdapterError      ├── UnsupportedModuleError   └── RowTooLongError
    ├── SelectionError        rows that cannot be put to a bar
    │   └── DecisionError
    ├── FolderError           files that clues wrote before
    │   ├── ScoresError       ├── ReportError       ├── AuditError       └── AnswersError
    ├── EvaluationError       models asked or graded
    │   ├── KnowledgeError    └── JudgeError
    ├── InRunError            a training of the user's own
    └── FederationError       a federation
        ├── NoUpdateError     ├── DeploymentError   └── WireError

Whatever else is raised is a fault of clues, or of a library under it.
"""

from __future__ import annotations


class CluesError(Exception):
    """The root. The command line shows these in one line, without a traceback."""


class UsageError(CluesError, ValueError):
    """A command that cannot be carried out as given; the text says what to give instead."""


class SettingError(CluesError, ValueError):
    """A setting that does not exist or has a value it cannot have; the text says which and what is allowed."""


class MissingExtraError(CluesError, ImportError):
    """What is asked for needs packages that `pip install clues` alone leaves out; the text says which extra."""


class InUseError(CluesError, ValueError):
    """A folder that holds scores, answers or a run already; the text says how to go on with them."""


class DataError(CluesError, ValueError):
    """Rows, or a file of rows."""


class ReadingError(DataError):
    """A data set that cannot be opened as a whole; the text says what to do."""


class WritingError(DataError):
    """A file that must not be written; the text says why."""


class UnusableRecord(DataError):  # noqa: N818 - it names what the record is
    """The record cannot become a row; the text is the reason, in words for its owner."""


class NoRowsError(DataError):
    """A file without a single usable row; the text says why the first record was refused."""


class ChatTemplateError(DataError):
    """The chat template cannot write this conversation; the text says where and why."""


class NoResponseToken(DataError):  # noqa: N818 - it names what is missing
    """Nothing of the response is left, so that the row has no loss: it is set aside, never scored."""


class CannotSpoil(DataError):  # noqa: N818 - it says what it is
    """No text of the given kind exists for a row, for example because its answer is one word long."""


class MissingLabelError(DataError):
    """A row whose quality is unknown; the text names the row and says what to do."""


class PoolError(DataError):
    """The pool cannot give what the job asks for; the text names the source, what is needed and what there is."""


class ModelError(CluesError, ValueError):
    """A model that cannot be found or read; the text says what to do."""


class AdapterError(ModelError):
    """An adapter that cannot be made on this model, or not be scored; the text names the module or the setting."""


class UnsupportedModuleError(ModelError):
    """A layer whose per-row gradient cannot be told apart; the text names it."""


class RowTooLongError(ModelError, MemoryError):
    """A single row does not fit into memory; the text says what to do."""


class SelectionError(CluesError, ValueError):
    """A selection that cannot be made; the text says why."""


class DecisionError(SelectionError):
    """A decisions file that cannot be applied; the text names the line."""


class FolderError(CluesError, ValueError):
    """Files of an earlier run, or those that are missing."""


class ScoresError(FolderError):
    """Scores that cannot be used; the text says which file and what to do."""


class ReportError(FolderError):
    """A page that cannot be made; the text says which file, why, and what to do."""


class AuditError(FolderError):
    """An audit.jsonl that cannot be used; the text names the line, or what to do with the file."""


class AnswersError(FolderError):
    """Answers that cannot be used; the text says what, where and what to do."""


class EvaluationError(CluesError, ValueError):
    """Models that cannot be asked or graded."""


class KnowledgeError(EvaluationError):
    """Questions that cannot be asked; the text says which, where, and what to do."""


class JudgeError(EvaluationError):
    """Judging that cannot go on; the text says why and what to do. It never holds the key."""


class InRunError(CluesError, ValueError):
    """A training in which rows cannot be scored exactly; the text says what is in the way and what to do."""


class FederationError(CluesError, RuntimeError):
    """The federation cannot go on; the text names the client and says what to do."""


class NoUpdateError(FederationError):
    """Not one usable update: there is nothing to go on from."""


class DeploymentError(FederationError):
    """A run that could not be handed over, or did not end well; the text has what Flower said."""


class WireError(FederationError, ValueError):
    """A task or result that must not be sent, or was not what may come; the text names the offending part."""
