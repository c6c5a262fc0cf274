"""Cut people out of a photograph, a folder of them, a video or a camera's frames."""

from src.programs import run

if __name__ == "__main__":
    run("infer")
