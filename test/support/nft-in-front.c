/*
 * Stands before the real libnftables.so.1: before something is loaded or deleted it runs the script $NFT_SCRIPT, and
 * when that fails, so does the load, with what the script said. Built with -DREAL="path of the real one".
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nft_ctx;
static char said[4096];
static bool failed, dry;

static void *real(const char *name) {
  static void *library;
  if (library == NULL) {
    library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
  }
  return dlsym(library, name);
}

#define FORWARD(type, name, parameters, arguments)                                                                     \
  type name parameters { return ((type(*) parameters)real(#name))arguments; }

FORWARD(struct nft_ctx *, nft_ctx_new, (unsigned int flags), (flags))
FORWARD(void, nft_ctx_free, (struct nft_ctx * context), (context))
FORWARD(int, nft_ctx_buffer_output, (struct nft_ctx * context), (context))
FORWARD(int, nft_ctx_buffer_error, (struct nft_ctx * context), (context))
FORWARD(const char *, nft_ctx_get_output_buffer, (struct nft_ctx * context), (context))
FORWARD(void, nft_ctx_output_set_flags, (struct nft_ctx * context, unsigned int flags), (context, flags))

void nft_ctx_set_dry_run(struct nft_ctx *context, bool asked) {
  dry = asked;
  ((void (*)(struct nft_ctx *, bool))real("nft_ctx_set_dry_run"))(context, asked);
}

const char *nft_ctx_get_error_buffer(struct nft_ctx *context) {
  return failed ? said : ((const char *(*)(struct nft_ctx *))real("nft_ctx_get_error_buffer"))(context);
}

static bool script_fails(void) {
  char command[4096];
  snprintf(command, sizeof command, "/bin/sh '%s' 2>&1", getenv("NFT_SCRIPT"));
  FILE *script = popen(command, "r");
  said[fread(said, 1, sizeof said - 1, script)] = '\0';
  return pclose(script) != 0;
}

int nft_run_cmd_from_buffer(struct nft_ctx *context, const char *commands) {
  failed = !dry && strncmp(commands, "list", 4) != 0 && script_fails();
  return failed ? -1 : ((int (*)(struct nft_ctx *, const char *))real("nft_run_cmd_from_buffer"))(context, commands);
}
