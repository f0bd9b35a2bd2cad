#!/usr/bin/env bash
# Proves "two commands on a fresh machine", as root: fresh.sh RELEASE [WORK] with RELEASE bookworm or trixie. In a tree that
# debootstrap makes, with nothing but what Debian calls required:
#   root        ./run demo, ./run test
#   without     a user, before anything is installed: told what to ask an administrator for
#   user        a user's own clone, packages in place, no sudo: ./run demo, ./run test
#   no-data     ./run demo where Fashion-MNIST is not
# Takes an hour or so; docs/machines.md has the results. Compiled objects are kept in WORK/ccache from one proof to the next.
set -euo pipefail
release=$1 work=$(realpath -m "${2:-/var/tmp/weft-machines}")
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tree=$work/$release
[ "$(id -u)" -eq 0 ] || { echo "fresh.sh: debootstrap and chroot take root" >&2; exit 1; }
mkdir -p "$work/ccache" "$work/logs"

if [ "${IN_OWN_MOUNTS:-}" != yes ]; then exec env IN_OWN_MOUNTS=yes unshare --mount "${BASH_SOURCE[0]}" "$@"; fi   # which end with us

if [ ! -d "$work/$release-base" ]; then debootstrap --variant=minbase "$release" "$work/$release-base" >"$work/logs/$release-debootstrap.log"; fi
rm -rf "$tree"
cp -a "$work/$release-base" "$tree"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
mkdir -p "$tree/ccache" "$tree/home/weaver"
chroot "$tree" useradd weaver
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount --bind "$work/ccache" "$tree/ccache"
chmod 1777 "$tree/ccache"

# as USER LOG COMMAND...: in a clone of the user's own; the last lines are shown, the exit code is returned.
as() {
  local user=$1 log=$work/logs/$release-$2.log home status=0 start=$SECONDS
  shift 2
  home=/root
  if [ "$user" != root ]; then home=/home/$user; fi
  if [ ! -d "$tree$home/weft" ]; then
    git clone -q "$source" "$tree$home/weft"
    chroot "$tree" chown -R "$user:$user" "$home"
  fi
  chroot "$tree" setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 CCACHE_DIR=/ccache CCACHE_UMASK=000 CCACHE_BASEDIR="$home/weft" CCACHE_NOHASHDIR=1 \
    bash -c "cd $home/weft && $*" >"$log" 2>&1 </dev/null || status=$?
  printf '%-9s %-8s %-30s exit %d, %d s: %s\n' "$release" "$user" "$*" "$status" $((SECONDS - start)) \
    "$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -v '^ *$' | tail -n 1)"
  return "$status"
}
expect() { "$@" || { echo "fresh.sh: that was to succeed; see $work/logs" >&2; exit 1; }; }
says() { grep -q "$2" "$work/logs/$release-$1.log" || { echo "fresh.sh: $1 was to say '$2'" >&2; exit 1; }; }

chroot "$tree" sh -c 'apt-get update -qq' >/dev/null
if as weaver without ./run build; then echo "fresh.sh: a build without a compiler was to fail" >&2; exit 1; fi
says without 'Ask an administrator for:'
says without 'apt-get install -y --no-install-recommends .*g++ cmake'
rm -rf "$tree/home/weaver/weft"

expect as root root-demo ./run demo
says root-demo 'clothes that nobody has made'
[ -s "$tree/root/weft/runs/demo/clothes.png" ]
expect as root root-test ./run test
says root-test ' passed, 0 failed'
chroot "$tree" sh -c 'g++ --version | head -n 1; cmake --version | head -n 1; dpkg-query -W libdnnl-dev libonnx-testdata 2>/dev/null'

expect as weaver user-demo ./run demo
expect as weaver user-test ./run test
says user-test ' passed, 0 failed'

chroot "$tree" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq dataset-fashion-mnist' >/dev/null 2>&1
expect as weaver no-data ./run demo
says no-data 'train-images-idx3-ubyte.gz'
says no-data 'swatches that nobody has made'
echo "$release: all as it was to be"
