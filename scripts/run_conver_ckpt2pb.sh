#!/usr/bin/env bash
# The name of run_convert_ckpt2pb.sh as MMNet's users know it.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
source "$(dirname "$0")/run_convert_ckpt2pb.sh"
