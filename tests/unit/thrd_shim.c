/* glibc's C11 threads bypass the symbols that ThreadSanitizer intercepts; this routes them through
 * pthreads. Linked into the unit tests under ThreadSanitizer only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

extern const int thrd_shim_is_linked; /* see plain_runner.c */
const int thrd_shim_is_linked = 1;

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t),
               "layouts");
#define M(m) ((pthread_mutex_t *)(void *)(m))
#define C(c) ((pthread_cond_t *)(void *)(c))
static int rc(int e)
{
    return e == 0           ? thrd_success
           : e == EBUSY     ? thrd_busy
           : e == ETIMEDOUT ? thrd_timedout
           : e == ENOMEM    ? thrd_nomem
                            : thrd_error;
}
struct start {
    thrd_start_t fn;
    void *arg;
};
static void *tramp(void *p)
{
    struct start s = *(struct start *)p;
    free(p);
    return (void *)(intptr_t)s.fn(s.arg);
}
int thrd_create(thrd_t *t, thrd_start_t fn, void *arg)
{
    struct start *s = malloc(sizeof *s);
    *s = (struct start){fn, arg};
    int e = pthread_create(t, NULL, tramp, s);
    if (e)
        free(s);
    return rc(e);
}
int thrd_join(thrd_t t, int *res)
{
    void *r;
    int e = pthread_join(t, &r);
    if (!e && res)
        *res = (int)(intptr_t)r;
    return rc(e);
}
int thrd_detach(thrd_t t)
{
    return rc(pthread_detach(t));
}
void thrd_exit(int r)
{
    pthread_exit((void *)(intptr_t)r);
}
int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    int e = pthread_mutex_init(M(m), &a);
    pthread_mutexattr_destroy(&a);
    return rc(e);
}
void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy(M(m));
}
int mtx_lock(mtx_t *m)
{
    return rc(pthread_mutex_lock(M(m)));
}
int mtx_trylock(mtx_t *m)
{
    return rc(pthread_mutex_trylock(M(m)));
}
int mtx_timedlock(mtx_t *m, const struct timespec *ts)
{
    return rc(pthread_mutex_timedlock(M(m), ts));
}
int mtx_unlock(mtx_t *m)
{
    return rc(pthread_mutex_unlock(M(m)));
}
int cnd_init(cnd_t *c)
{
    return rc(pthread_cond_init(C(c), NULL));
}
void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy(C(c));
}
int cnd_signal(cnd_t *c)
{
    return rc(pthread_cond_signal(C(c)));
}
int cnd_broadcast(cnd_t *c)
{
    return rc(pthread_cond_broadcast(C(c)));
}
int cnd_wait(cnd_t *c, mtx_t *m)
{
    return rc(pthread_cond_wait(C(c), M(m)));
}
int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *ts)
{
    return rc(pthread_cond_timedwait(C(c), M(m), ts));
}
