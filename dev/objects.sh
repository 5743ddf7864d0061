#!/bin/sh
# dev/objects.sh: writes src/Makevars with the object files of the tree as it stands, room by room,
# and its headers, since a changed header makes every object stale.
set -eu
cd "$(dirname "$0")/../src"
rooms="numbers rows rows/families rows/several rows/priors rows/covariances rows/precisions
  rows/approximations design gauss correct theta posterior advi joint r"
{
  # shellcheck disable=SC2016
  printf '%s\n' '# written by dev/objects.sh' 'PKG_CPPFLAGS = -I.' \
    'PKG_CFLAGS = $(SHLIB_OPENMP_CFLAGS) $(C_VISIBILITY)' \
    'PKG_LIBS = $(SHLIB_OPENMP_CFLAGS) $(LAPACK_LIBS) $(BLAS_LIBS) $(FLIBS)' ''
  printf 'OBJECTS ='
  for room in $rooms; do
    for file in $(find "$room" -maxdepth 1 -name '*.c' | LC_ALL=C sort); do
      printf ' \\\n  %s' "${file%.c}.o"
    done
  done
  printf ' \\\n  init.o'
  printf '\n\nHEADERS ='
  for file in $(find . -name '*.h' | LC_ALL=C sort); do
    printf ' \\\n  %s' "${file#./}"
  done
  # shellcheck disable=SC2016
  printf '\n\n%s\n\n%s\n' 'all: $(SHLIB)' '$(OBJECTS): $(HEADERS)'
} >Makevars.new
mv Makevars.new Makevars
