"""What can be wrong with an act on quality."""

from reviews.errors import ReviewError


class PolicyInvalid(ReviewError):
    """The policy is not valid."""

    code = "quality_policy_invalid"
    status = 422


class CalibrationTooFew(ReviewError):
    """There are too few decisions that a calibration could be fitted to."""

    code = "calibration_too_few"
    status = 422


class AnswerNotKnown(ReviewError):
    """Only a case that a person decided can have a known answer."""

    code = "answer_not_known"


class CheckNotSettled(ReviewError):
    """Only a disagreement that is settled can be closed."""

    code = "check_not_settled"


class DatasetEmpty(ReviewError):
    """No decision passes this filter: a dataset needs at least one."""

    code = "dataset_empty"
    status = 422


class DatasetChanged(ReviewError):
    """The stored file is not what was recorded."""

    code = "dataset_changed"
    status = 410


class ParquetMissing(ReviewError):
    """Parquet needs the optional library: `pip install 'countersign[parquet]'`."""

    code = "parquet_missing"
    status = 501
