"""What networks run on: the process's environment, the device, and native operators for x86-64 CPUs.

Start with `environment.py`, which must come before the first import of MindSpore; `cpu_ops/` holds the
C++ operators. It may import what stands before it; importing it imports no MindSpore.
"""
