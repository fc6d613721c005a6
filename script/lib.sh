# shellcheck shell=sh
# What script/run and script/test share: the virtual environment .venv, made once,
# and the few things that only the system's package manager can give.
# The caller sets $root, the checkout's absolute path.

# shellcheck disable=SC2154 # set by the caller
venv=$root/.venv

# The system's picamera2 lives here (apt's python3-picamera2). Looked for as a folder, not
# imported: it also decides whether .venv is still right, and that may take no time.
picamera2=/usr/lib/python3/dist-packages/picamera2

# With --system-site-packages, packages in a person's home would stand in front of the
# system's, and be missing when somebody else (root, the service) starts the same checkout.
export PYTHONNOUSERSITE=1

# Everything said goes to stderr: stdout belongs to the program that is started.
say() {
    printf 'pose-edge: %s\n' "$*" >&2
}

# Exit status 3 is the product's own for "something that is needed cannot be had".
fail() {
    say "$@"
    exit 3
}

# Nobody wants to read what pip and apt-get print, unless it went wrong.
quietly() {
    output=$("$@" </dev/null 2>&1) && return
    printf '%s\n' "$output" | tail -n 20 >&2
    return 1
}

# [ -e ] for a glob: true when any of the names exists.
exists() {
    for name in "$@"; do
        [ -e "$name" ] && return
    done
    return 1
}

# Where Debian (one folder per architecture), Fedora and Arch keep libraries.
has_library() {
    exists /usr/lib/*/"$1" /usr/lib64/"$1" /usr/lib/"$1"
}

# A monitor's connector (even with nothing plugged in yet), or a desktop.
has_screen() {
    [ -n "${DISPLAY-}${WAYLAND_DISPLAY-}" ] || exists /sys/class/drm/card*-*
}

# The apt packages that SDL draws with and that are not there. Looking for their files
# starts no process, so that every start can look.
missing_for_drawing() {
    exists /usr/lib/*/dri/*_dri.so /usr/lib64/dri/*_dri.so /usr/lib/dri/*_dri.so || printf 'libgl1-mesa-dri '
    has_library libEGL.so.1 || printf 'libegl1 '
    has_library libGLESv2.so.2 || printf 'libgles2 '
    has_library libgbm.so.1 || printf 'libgbm1 '
    has_library libdrm.so.2 || printf 'libdrm2 '
}

# The apt packages that a virtual machine is made and run with, and that are not there.
missing_for_machine() {
    command -v qemu-system-x86_64 >/dev/null || printf 'qemu-system-x86 '
    command -v qemu-img >/dev/null || printf 'qemu-utils '
    command -v mmdebstrap >/dev/null || printf 'mmdebstrap '
    exists /sbin/mke2fs /usr/sbin/mke2fs || printf 'e2fsprogs '
}

# The apt packages of the RTSP server that tests start, and that are not there.
missing_for_rtsp() {
    [ -e /usr/lib/python3/dist-packages/gi ] || printf 'python3-gi '
    exists /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib || printf 'gir1.2-gst-rtsp-server-1.0 '
    exists /usr/lib/*/gstreamer-1.0/libgstrtp.so || printf 'gstreamer1.0-plugins-good '
    exists /usr/lib/*/gstreamer-1.0/libgstvideoparsersbad.so || printf 'gstreamer1.0-plugins-bad '
}

# Debian keeps it in /usr/sbin, which is on the PATH of root alone.
has_mosquitto() {
    exists /usr/sbin/mosquitto || command -v mosquitto >/dev/null
}

# For systems whose packages have other names than Debian's.
in_general_terms() {
    for package in "$@"; do
        case $package in
            python3) echo "Python 3.11 or newer" ;;
            python3-venv) echo "Python's modules venv and ensurepip" ;;
            libgl1-mesa-dri) echo "Mesa's drivers" ;;
            libegl1) echo "EGL (libEGL.so.1)" ;;
            libgles2) echo "OpenGL ES (libGLESv2.so.2)" ;;
            libgbm1) echo "GBM (libgbm.so.1)" ;;
            libdrm2) echo "libdrm (libdrm.so.2)" ;;
            *) echo "$package" ;;
        esac
    done | paste -sd , - | sed 's/,/, /g'
}

# An image without package lists (a container, a minimal root) cannot install anything
# before the first apt-get update.
has_package_lists() {
    exists /var/lib/apt/lists/*_Packages*
}

can_install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

# Says what to do about missing packages: the exact line to type.
say_how_to_install() {
    if ! command -v apt-get >/dev/null; then
        say "missing on this system: $(in_general_terms "$@"). Please install it with your package manager."
        return
    fi
    line="sudo apt-get install --no-install-recommends $*"
    has_package_lists || line="sudo apt-get update && $line"
    say "missing on this system: $*. To install, type:"
    printf '    %s\n' "$line" >&2
}

apt_install() {
    # Another apt-get at work (the daily upgrade, the first boot) is waited for. Services that
    # packages start must not hold the lock of ensure (9) forever.
    quietly env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends "$@" 9<&-
}

# Installs apt packages, for root. Lists that are out of date show themselves by naming
# files that the mirror no longer has: then, and only then, they are fetched anew.
install_packages() {
    say "installing with apt-get: $* ..."
    if has_package_lists && apt_install "$@" 2>/dev/null; then
        return
    fi
    quietly apt-get update && apt_install "$@" && return
    say_how_to_install "$@"
    return 1
}

# The interpreter that .venv is made with. The system's picamera2 is compiled for the
# system's own, whatever other python3 comes first on PATH.
find_python() {
    if [ -d "$picamera2" ]; then
        echo /usr/bin/python3
    else
        command -v python3
    fi
}

# Says in one line what pip would say in pages. Written for old Pythons too.
check_python() {
    "$python" - <<'END' || exit 3
import struct
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "pose-edge: needs Python 3.11 (Debian 12, Raspberry Pi OS Bookworm) or newer; %s is %d.%d."
        % ((sys.executable,) + sys.version_info[:2])
    )
if struct.calcsize("P") < 8:
    sys.exit("pose-edge: needs a 64-bit system: LiteRT, which runs the models, exists for no other.")
END
}

# Debian's python3 comes without what venv needs to put pip into an environment.
can_make_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null
}

# What an environment stands on. When it changes (another Python after an upgrade of the
# system, picamera2 installed, the checkout moved), nothing in .venv can be relied on.
foundation() {
    {
        readlink -f "$venv/bin/python"
        [ ! -d "$picamera2" ] || echo picamera2
        echo "$root"
        cat "$root/script/lib.sh"
    } | sha256sum
}

# What a stamp holds: a line for the foundation, a line for the packages. Neither Python
# nor pip is started for it, so that comparing takes milliseconds.
stamp() {
    foundation
    sha256sum <"$root/setup.cfg"
}

# Is .venv what it should be now, for $1 (run or test)? Set-up writes the stamp last, so an
# interrupted one leaves none.
is_ready() {
    [ -x "$venv/bin/python" ] && [ -f "$venv/$1.stamp" ] &&
        [ "$(stamp)" = "$(cat "$venv/$1.stamp")" ]
}

# Can pip bring .venv up to date? Only if a set-up came to its end on the same foundation.
has_foundation() {
    [ -x "$venv/bin/python" ] && exists "$venv"/*.stamp &&
        cat "$venv"/*.stamp | grep -qxF "$(foundation)"
}

make_venv() {
    rm -rf "$venv"
    set --
    [ ! -d "$picamera2" ] || set -- --system-site-packages
    quietly "$python" -m venv "$@" "$venv" || fail "could not make $venv (see above)."
}

# $1: pip's name for the extras, "[outputs]" or "[test]".
install_checkout() {
    # Unpacked beside .venv's packages, because /tmp can be a small part of the memory
    # (Debian 13 on a Zero 2 W). Into .venv even for people whose pip.conf says "user".
    mkdir -p "$venv/tmp"
    quietly env TMPDIR="$venv/tmp" PIP_USER=0 "$venv/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check --editable "$root$1" ||
        fail "could not install the Python packages (see above); is the network there? Start again to try again."
    rm -rf "$venv/tmp"
}

# When root sets up somebody else's checkout, its owner must be able to go on with it.
give_to_owner() {
    owner=$(stat -c %u:%g "$root")
    [ "${owner%:*}" -eq "$(id -u)" ] || chown -Rh "$owner" "$venv" "$root"/*.egg-info
}

# Makes .venv, or brings it up to date. $1: run or test; $2: pip's name for the extras.
set_up() {
    if [ ! -w "$root" ] || { [ -e "$venv" ] && [ ! -w "$venv" ]; }; then
        fail "must set up $venv, but may not write there. Start once as its owner, or with sudo."
    fi
    started=$(date +%s)
    if has_foundation; then
        say "Setting up what is new ..."
        # Away before pip begins: if that is interrupted, .venv is made anew.
        rm -f "$venv"/*.stamp
    else
        say "Setting up (once: about a minute, on a Pi or a slow network a few) ..."
        make_venv
    fi
    install_checkout "$2"
    # People switch a Pi off by pulling the plug: no stamp may reach the disk before the rest.
    sync
    stamp >"$venv/run.stamp"
    [ "$1" = run ] || stamp >"$venv/$1.stamp"
    give_to_owner
    say "Set up in $(($(date +%s) - started)) s."
}

# Installs what set-up cannot do without, or ends.
provide_python() {
    if python=$(find_python); then
        check_python
        ! can_make_venv || return 0
        needed=python3-venv
    else
        needed="python3 python3-venv"
    fi
    # Words, not one name. The wished ones are named too, so that people type once.
    # shellcheck disable=SC2086
    if can_install; then
        install_packages $needed || exit 3
    else
        say_how_to_install $needed "$@"
        exit 3
    fi
    python=$(find_python)
    check_python
}

# Installs what it can go on without, or says so.
provide_wishes() {
    # What root could not install (no network) is not tried again at every start.
    if can_install && [ ! -e "$venv/apt.failed" ]; then
        install_packages "$@" || : >"$venv/apt.failed"
    else
        say_how_to_install "$@"
    fi
}

# The entrance: makes sure of .venv and of the system's packages.
#   $1       run or test
#   $2       pip's name for the extras: "[outputs]" or "[test]"
#   $3 ...   apt packages that are missing and wished for
ensure() {
    if [ $# -eq 2 ] && is_ready "$1"; then
        return
    fi
    # Two starts at the same time: the second waits, and then finds everything done. The
    # checkout's folder is the lock, so that there is no file to keep for it.
    (
        if command -v flock >/dev/null && ! flock -n 9; then
            say "Waiting for another start that is setting up ..."
            flock 9
        fi
        purpose=$1 extras=$2
        shift 2
        if ! is_ready "$purpose"; then
            provide_python "$@"
            set_up "$purpose" "$extras"
        fi
        [ $# -eq 0 ] || provide_wishes "$@"
    ) 9<"$root"
}
