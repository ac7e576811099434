"""What stops a command of the pipeline."""


class PipelineError(Exception):
    """The command can't do its work; the message says why and what to do next."""
