#!/usr/bin/env bash
# bundle.sh BUILD yes|no: dist/weft-VERSION-x86_64/, a folder that runs on x86-64 Linux without any package of ours: the program,
# the libraries it needs beyond the C library and the GPU's driver, and their licences. yes: tests and benchmarks as well.
set -euo pipefail
build=$(cd "$1" && pwd) with_tests=$2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
die() { printf 'bundle: %s\n' "$*" >&2; exit 1; }
for tool in ldd strip readelf dpkg; do command -v $tool >/dev/null || die "$tool is missing; a bundle is made on Debian or Ubuntu, with binutils"; done

version=$("$build/weft" --version)
name=weft-${version#weft }-$(uname -m)
out=dist/$name
rm -rf "$out"
mkdir -p "$out/bin" "$out/lib" "$out/licences"
cmake --install "$build" --prefix "$PWD/$out/installed" >/dev/null
mv "$out/installed/bin/weft" "$out/bin/"
if [ -f "$out/installed/lib/libweft_vendor.so" ]; then mv "$out/installed/lib/libweft_vendor.so" "$out/lib/"; fi   # without cuDNN, which the user brings
rm -r "$out/installed"
cp -r docs "$out/docs"
cp LICENSE "$out/licences/weft.txt"
programs=("$out/bin/weft")
if [ "$with_tests" = yes ]; then
  for program in "$build"/tests_* "$build"/bench_*; do
    if [ -f "$program" ] && [ -x "$program" ]; then cp "$program" "$out/bin/" && programs+=("$out/bin/${program##*/}"); fi
  done
  mkdir "$out/tests"
  (cd tests && find . \( -name '*.safetensors' -o -path './fuzz/corpus/image/*' \) -exec cp --parents {} "../$out/tests/" \;)
  cp apps/bundle_check.sh "$out/check"
  cp bench/first_gpu_minute "$out/"
fi

# The C library and the driver belong to the machine that the bundle goes to; everything else comes along. The linker left
# RPATH=$ORIGIN/../lib in each program, which holds for what the libraries need in turn.
of_the_system='^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libresolv|libcuda|libnvidia)[.-]'
ldd "${programs[@]}" | awk '/not found/ { print "missing:" $1 } $2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r library; do
  case $library in missing:*) die "${library#missing:} was not found on this machine" ;; esac
  if [[ ${library##*/} =~ $of_the_system ]]; then continue; fi
  cp -L "$library" "$out/lib/"
  package=$(dpkg -S "$(readlink -f "$library")" 2>/dev/null || dpkg -S "/usr$(readlink -f "$library")" 2>/dev/null || dpkg -S "$library" 2>/dev/null) ||
    die "no package owns $library, so its licence is not known"
  package=${package%%:*}
  cp "/usr/share/doc/$package/copyright" "$out/licences/$package.txt" || die "$package says nothing of its licence"
done
strip --strip-unneeded "${programs[@]}" "$out"/lib/*

# What the bundle asks of the other system's C library decides where it runs.
glibc=$(readelf -W --version-info "${programs[@]}" "$out"/lib/* | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
glibc=${glibc#GLIBC_}
cat >"$out/README" <<TEXT
$version, for x86-64 Linux with glibc $glibc or newer (\`ldd --version\` says which)

  bin/weft -h
  bin/weft train dcgan --data swatches --out first --steps 200 --width 32
  bin/weft generate first --out swatches.png

Nothing is installed and nothing else is needed; the folder may lie anywhere. A GPU is used where there is a driver for it and
\`bin/weft info\` names CUDA kernels. Licences of everything in lib/ stand in licences/.
TEXT
[ "$with_tests" = no ] || printf '\n./check runs every test, ./first_gpu_minute what tells most on a GPU; bin/weft bench and bin/bench_* are the benchmarks.\n' >>"$out/README"

size=$(du -sk "$out" | cut -f1)
tar -C dist -czf "dist/$name.tar.gz" "$name"
printf '\n%s\n' "$out: $((size / 1024)) MiB, as $name.tar.gz $(($(stat -c %s "dist/$name.tar.gz") >> 20)) MiB; runs where glibc is $glibc or newer"
[ "$with_tests" = yes ] || [ "$size" -lt 61440 ] || die "it was to stay under 60 MiB"
