/*
 * Threads for what blocks: configuration requests to the kernel execute inside sendmsg(), syncs take
 * milliseconds. They are the addon's own, so neither a slow disk nor libuv's full pool holds up the other.
 *
 * Each queue starts a thread when a request finds none idle, up to its limit; threads stay until the
 * environment ends. Finished requests come back to the loop through one uv_async.
 */
#include "addon.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAXIMUM_THREADS 4

struct list {
  struct request *first;
  struct request **last;
};

struct queue {
  struct worker_pool *pool;
  pthread_cond_t wanted;
  struct list waiting;
  size_t waiting_count;
  size_t idle;
  size_t started;
  uv_thread_t threads[MAXIMUM_THREADS];
};

struct worker_pool {
  struct environment *environment;
  /* Only touched by the loop's thread. */
  size_t pending;
  int cancel;
  uv_async_t completed;
  /* Below: under the mutex. */
  pthread_mutex_t mutex;
  bool stopping;
  struct list done;
  struct queue queues[WORKER_QUEUES];
};

static void list_clear(struct list *list) {
  list->first = NULL;
  list->last = &list->first;
}

static void list_append(struct list *list, struct request *request) {
  request->next = NULL;
  *list->last = request;
  list->last = &request->next;
}

static struct request *list_take(struct list *list) {
  struct request *request = list->first;
  if (request != NULL) {
    list->first = request->next;
    if (list->first == NULL) {
      list->last = &list->first;
    }
  }
  return request;
}

static void *worker_main(void *argument) {
  struct queue *queue = argument;
  struct worker_pool *pool = queue->pool;
  pthread_mutex_lock(&pool->mutex);
  while (!pool->stopping) {
    struct request *request = list_take(&queue->waiting);
    if (request == NULL) {
      queue->idle++;
      pthread_cond_wait(&queue->wanted, &pool->mutex);
      queue->idle--;
      continue;
    }
    queue->waiting_count--;
    pthread_mutex_unlock(&pool->mutex);
    request->work(request, pool->cancel);
    pthread_mutex_lock(&pool->mutex);
    list_append(&pool->done, request);
    uv_async_send(&pool->completed);
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

static void drop(napi_env env, struct request *request) {
  if (request->callback != NULL) {
    napi_delete_reference(env, request->callback);
  }
  request->release(env, request);
}

static void settle(struct environment *environment, struct request *request) {
  napi_env env = environment->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) == napi_ok) {
    napi_value arguments[2] = {make_undefined(env), make_undefined(env)};
    if (request->failure.error != 0) {
      arguments[0] = failure_to_error(env, &request->failure);
    } else if (request->result != NULL) {
      arguments[1] = request->result(env, request);
    }
    if (arguments[0] != NULL && arguments[1] != NULL) {
      environment_call(environment, request->callback, 2, arguments);
    }
    napi_close_handle_scope(env, scope);
  }
  drop(env, request);
}

static void on_completed(uv_async_t *handle) {
  struct worker_pool *pool = handle->data;
  for (;;) {
    pthread_mutex_lock(&pool->mutex);
    struct request *request = list_take(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
    if (request == NULL) {
      return;
    }
    if (--pool->pending == 0) {
      uv_unref((uv_handle_t *)&pool->completed);
    }
    settle(pool->environment, request);
  }
}

struct worker_pool *worker_pool_open(struct environment *environment) {
  struct worker_pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) {
    return NULL;
  }
  pool->environment = environment;
  pool->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (pool->cancel < 0 || uv_async_init(environment->loop, &pool->completed, on_completed) != 0) {
    if (pool->cancel >= 0) {
      close(pool->cancel);
    }
    free(pool);
    return NULL;
  }
  environment->open_handles++;
  pool->completed.data = pool;
  /* Only a pending request keeps the process alive. */
  uv_unref((uv_handle_t *)&pool->completed);
  pthread_mutex_init(&pool->mutex, NULL);
  list_clear(&pool->done);
  for (size_t index = 0; index < WORKER_QUEUES; index++) {
    struct queue *queue = &pool->queues[index];
    queue->pool = pool;
    pthread_cond_init(&queue->wanted, NULL);
    list_clear(&queue->waiting);
  }
  return pool;
}

static void on_closed(uv_handle_t *handle) {
  struct worker_pool *pool = handle->data;
  struct environment *environment = pool->environment;
  free(pool);
  environment_handle_closed(environment);
}

void worker_pool_close(struct worker_pool *pool) {
  napi_env env = pool->environment->env;
  struct request *request;
  pthread_mutex_lock(&pool->mutex);
  pool->stopping = true;
  for (size_t index = 0; index < WORKER_QUEUES; index++) {
    pthread_cond_broadcast(&pool->queues[index].wanted);
  }
  pthread_mutex_unlock(&pool->mutex);
  eventfd_write(pool->cancel, 1);
  for (size_t index = 0; index < WORKER_QUEUES; index++) {
    struct queue *queue = &pool->queues[index];
    for (size_t thread = 0; thread < queue->started; thread++) {
      pthread_join(queue->threads[thread], NULL);
    }
    while ((request = list_take(&queue->waiting)) != NULL) {
      drop(env, request);
    }
    pthread_cond_destroy(&queue->wanted);
  }
  while ((request = list_take(&pool->done)) != NULL) {
    drop(env, request);
  }
  pthread_mutex_destroy(&pool->mutex);
  close(pool->cancel);
  uv_close((uv_handle_t *)&pool->completed, on_closed);
}

/* Under the mutex. 0 when some thread will take the request. */
static int enlist(struct queue *queue, struct request *request) {
  if (queue->idle <= queue->waiting_count && queue->started < MAXIMUM_THREADS) {
    int error = start_thread(&queue->threads[queue->started], worker_main, queue);
    if (error == 0) {
      queue->started++;
    } else if (queue->started == 0) {
      return error;
    }
  }
  list_append(&queue->waiting, request);
  queue->waiting_count++;
  pthread_cond_signal(&queue->wanted);
  return 0;
}

bool worker_submit(napi_env env, enum worker_queue kind, struct request *request, napi_value callback) {
  struct environment *environment = environment_of(env);
  struct worker_pool *pool = environment->workers;
  if (environment->ending) {
    request->failure = (struct failure){ECANCELED, "submit"};
  } else if (napi_create_reference(env, callback, 1, &request->callback) != napi_ok) {
    request->failure = (struct failure){EINVAL, "submit"};
  } else {
    pthread_mutex_lock(&pool->mutex);
    int error = enlist(&pool->queues[kind], request);
    pthread_mutex_unlock(&pool->mutex);
    if (error == 0) {
      if (pool->pending++ == 0) {
        uv_ref((uv_handle_t *)&pool->completed);
      }
      return true;
    }
    request->failure = (struct failure){error, "pthread_create"};
  }
  throw_failure(env, &request->failure);
  drop(env, request);
  return false;
}
