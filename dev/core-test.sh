#!/bin/sh
# Builds the core with no R session, under address and undefined-behaviour sanitizers, and runs it.
#   dev/core-test.sh       CC, SANITIZE and OPENMP can be set; SANITIZE= and OPENMP= build without
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

: "${CC:=$(R CMD config CC)}"
: "${SANITIZE=-fsanitize=address,undefined -fno-sanitize-recover=undefined}"
: "${OPENMP=-fopenmp}"
# sanitizers make gcc see uninitialised values where there are none
warn="-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wcast-qual -Werror"
warn="$warn -Wno-unknown-warning-option -Wno-maybe-uninitialized"
core=$(find ../src -name "*.c" ! -path "../src/r/*" ! -name init.c | LC_ALL=C sort)

# shellcheck disable=SC2086
$CC -std=gnu99 -g -O1 -fno-omit-frame-pointer $SANITIZE $OPENMP $warn \
  $(R CMD config --cppflags) -I../src core-test*.c $core -o "$out/core-test" \
  $(R CMD config LAPACK_LIBS) $(R CMD config BLAS_LIBS) $(R CMD config FLIBS) \
  $(R CMD config --ldflags) -lm

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
LD_LIBRARY_PATH="$(R RHOME)/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$out/core-test"
