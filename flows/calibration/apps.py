from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "flows.calibration"
    label = "calibration"
    verbose_name = "Calibrations"

    def ready(self) -> None:
        # Imports models, which are loaded by now.
        from flows.calibration.keeping import find_points
        from flows.steps.calibrated import register_calibration_source

        register_calibration_source(find_points)
