"""What every package needs and no domain owns: errors, the log, whole files, threads, processes and progress.

Start with `errors.py`, whose texts say what came, what was expected and how to fix it; then `files.py` for files that
appear whole or not at all. Each module stands alone. It imports the standard library, numpy and OpenCV, and no other
package of ours.
"""
