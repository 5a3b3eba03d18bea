/* The only program of a guest that was booted over the network: tells the kernel's command line, and turns off. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int main(void) {
  char text[4096] = "\nGUEST booted ";
  const ssize_t word = 14;
  mkdir("/proc", 0555);
  mount("proc", "/proc", "proc", 0, 0);
  ssize_t length = read(open("/proc/cmdline", O_RDONLY), text + word, sizeof text - word);
  if (length > 0 && write(1, text, word + length) > 0) tcdrain(1);
  return reboot(RB_POWER_OFF);
}
