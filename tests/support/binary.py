"""What the program under test was built with, asked from the program itself."""
import subprocess


def has_grib(pear):
    version = subprocess.run([pear, "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    return "ecCodes none" not in " ".join(version.replace(":", " ").split())
