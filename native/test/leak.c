/* The negative control of asan.mjs: a module that leaks when it is loaded, which LeakSanitizer has to notice. */
#include <node_api.h>
#include <stdlib.h>

static void *volatile kept;

NAPI_MODULE_INIT() {
  (void)env;
  kept = malloc(100);
  kept = NULL;
  return exports;
}
