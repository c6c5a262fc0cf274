"""Turn a float model into fp16, bf16 and int8 variants, and measure what they cost in accuracy."""

from src.programs import run

if __name__ == "__main__":
    run("quantize")
