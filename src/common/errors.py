"""One family of errors; each text says what came, what was expected and how to fix it."""


class MattingError(Exception):
    """A mistake the user can fix. Entry points print the text and leave with `exit_status`."""

    exit_status = 2


class ConfigError(MattingError):
    """A YAML file or command line that cannot be used."""


class DataError(MattingError):
    """An image, matte or data set that cannot be used."""


class CheckpointError(MattingError):
    """A checkpoint that is truncated, foreign or belongs to another network."""


class DeviceError(MattingError):
    """A device that was asked for and is not here."""


class OutputError(MattingError):
    """A place that cannot be written to."""


class TrainingError(MattingError):
    """A training that cannot start or go on (a loss that is NaN, a batch larger than the set)."""


class NetworkError(MattingError):
    """A network, or a change of it, that the program does not know how to handle."""


class ModelError(MattingError):
    """A model file (ONNX, OpenVINO IR, MindIR) that is damaged, foreign or not what was asked for."""


class ExportError(MattingError):
    """An export that does not compute what its checkpoint computes: our fault, hence status 1."""

    exit_status = 1
