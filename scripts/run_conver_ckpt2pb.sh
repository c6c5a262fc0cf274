#!/usr/bin/env bash
# The name of run_convert_ckpt2pb.sh as MMNet's users know it.
[ -n "${BASH_VERSION:-}" ] || { echo "error: run it with bash: bash $0" >&2; exit 2; }
source "$(dirname "$0")/run_convert_ckpt2pb.sh"
