"""One module or folder per step, from problems to exports; `run_folder` and `execute` are what the steps share."""
