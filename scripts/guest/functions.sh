# What the first programs of the guests share (busybox sh).

# Mounts what every program expects, puts busybox's applets into /bin, loads the image's modules in order.
start_system() {
  /bin/busybox --install -s /bin
  export PATH=/bin
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev 2>/dev/null # some kernels have done it
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs tmpfs /dev/shm
  while read -r module; do insmod "$module"; done </modules.list
}

# The value of a word NAME=VALUE of the kernel's command line; nothing when it is not there.
argument() {
  for word in $(cat /proc/cmdline); do
    case $word in "$1="*) echo "${word#*=}" ;; esac
  done
}

uptime_seconds() {
  cut -d' ' -f1 /proc/uptime
}
