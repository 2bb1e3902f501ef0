/* meeting.c - see meeting.h. `times` counts meetings, so that a fast thread may come to the next one while slow ones still leave. */
#include "meeting.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine.h"

struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t all_here;
    unsigned parties, here, times;
};

struct meeting *meeting_open(unsigned parties)
{
    struct meeting *m = calloc(1, sizeof *m);
    if (!m || pthread_mutex_init(&m->lock, NULL) || pthread_cond_init(&m->all_here, NULL))
        stress_fail("no memory for a meeting");
    m->parties = parties;
    return m;
}

bool meeting_meet(struct meeting *m)
{
    bool last;
    pthread_mutex_lock(&m->lock);
    last = ++m->here == m->parties;
    if (last) {
        m->here = 0;
        m->times++;
        pthread_cond_broadcast(&m->all_here);
    } else {
        unsigned times = m->times;
        while (m->times == times)
            pthread_cond_wait(&m->all_here, &m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return last;
}

void meeting_close(struct meeting *m)
{
    pthread_cond_destroy(&m->all_here);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
