#!/bin/sh
# Boots Debian's systemd in namespaces of its own: sh boot.sh MACHINE NAME, inside `unshare --mount`.
# MACHINE holds `etc` (laid over a copy of this machine's /etc) and `opt` (what was installed). /etc, /opt, /run, /tmp
# and /var are fresh, and of the units that would start by themselves only the journal does: nothing inside touches this
# machine.
set -e

if [ "$3" != inside ]; then
    mount --make-rprivate /
    mkdir "$1/cgroup"
    mount -t cgroup2 cgroup2 "$1/cgroup"
    group=$1/cgroup/$2
    mkdir "$group"
    sh -c 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"' enter "$group" \
        unshare --fork --kill-child --pid --cgroup --uts --ipc --mount-proc sh "$0" "$1" "$2" inside &
    # Its first process, and with it all others, before the one that waits for it.
    trap 'kill -KILL $(cat /proc/$!/task/$!/children)' TERM
    wait $! || wait $! || true
    find "$group" -depth -type d -exec rmdir {} +
    exit
fi

# Over a tmpfs, because where it is mounted already it cannot be mounted again.
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
cp -a /etc /run/etc
rm -rf /run/etc/systemd/system/*.wants /run/etc/fstab
cp -a "$1/etc/." /run/etc/
mkdir -p /run/lock /run/systemd/system
mount --bind /run/etc /etc
mount -t tmpfs tmpfs /opt
mkdir /opt/invoice-watcher
mount --bind "$1/opt/invoice-watcher" /opt/invoice-watcher
mount -t tmpfs tmpfs /var
mkdir -p /var/lib/systemd /var/log /var/cache /var/backups
mkdir -m 0700 /var/lib/private
ln -s /run /var/run
mkdir -m 1777 /var/tmp
mount -t tmpfs -o mode=1777 tmpfs /tmp

for unit in /lib/systemd/system/*.target.wants/*; do
    case $unit in
    *journald*) ;;
    *) ln -sf /dev/null "/run/systemd/system/${unit##*/}" ;;
    esac
done
printf '[Unit]\nDescription=up\nRequires=systemd-journald.service\n' > /run/systemd/system/up.target

# Shared among themselves, as systemd has it on a real machine: credentials reach the services by it.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=up.target --log-target=journal
