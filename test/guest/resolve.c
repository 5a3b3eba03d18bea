/*
 * Asks the C library of the machine, as browsers do: A and AAAA at one time, where the machine has such addresses.
 * Each argument is a name or an address; each gets one line "WHAT ANSWER…".
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const char *failure(int code) {
  switch (code) {
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    default: return gai_strerror(code);
  }
}

static void tell_name(const struct addrinfo *address) {
  char name[NI_MAXHOST];
  const int code = getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD);
  printf(" %s", code == 0 ? name : failure(code));
}

static void tell_address(const struct addrinfo *address) {
  char text[INET6_ADDRSTRLEN];
  const int code = getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
  printf(" %s", code == 0 ? text : failure(code));
}

static void look_up(const char *what, int flags, void (*tell)(const struct addrinfo *)) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
  struct addrinfo *found = NULL;
  const int code = getaddrinfo(what, "443", &hints, &found);
  printf("%s", what);
  if (code != 0) printf(" %s", failure(code));
  for (const struct addrinfo *one = found; one != NULL; one = one->ai_next) tell(one);
  printf("\n");
  if (found != NULL) freeaddrinfo(found);
}

int main(int count, char **words) {
  char bytes[sizeof(struct in6_addr)];
  for (int i = 1; i < count; i++) {
    const char *what = words[i];
    if (inet_pton(AF_INET, what, bytes) == 1 || inet_pton(AF_INET6, what, bytes) == 1)
      look_up(what, AI_NUMERICHOST, tell_name);
    else
      look_up(what, AI_ADDRCONFIG, tell_address);
  }
  return 0;
}
