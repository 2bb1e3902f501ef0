/* meeting.c - see meeting.h.
 *
 * Whoever comes last opens the gate once for each of the others. There are two gates in turn: nobody can come to the next meeting but one
 * before all have left this one. A condition variable would do, but each leaver then takes the lock again, one after the
 * other, each behind threads that are at work already: with 64 of them on two cores that took seconds.
 */
#include "meeting.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "engine.h"

struct meeting {
    pthread_mutex_t lock;
    sem_t gate[2];
    unsigned parties, here, times;
};

struct meeting *meeting_open(unsigned parties)
{
    struct meeting *m = calloc(1, sizeof *m);
    if (!m || pthread_mutex_init(&m->lock, NULL) || sem_init(&m->gate[0], 0, 0) || sem_init(&m->gate[1], 0, 0))
        stress_fail("no memory for a meeting");
    m->parties = parties;
    return m;
}

bool meeting_meet(struct meeting *m)
{
    sem_t *gate;
    bool last;
    pthread_mutex_lock(&m->lock);
    gate = &m->gate[m->times & 1];
    last = ++m->here == m->parties;
    if (last) {
        m->here = 0;
        m->times++;
    }
    pthread_mutex_unlock(&m->lock);
    for (unsigned i = 1; last && i < m->parties; i++)
        sem_post(gate);
    while (!last && sem_wait(gate) != 0 && errno == EINTR) {
    }
    return last;
}

void meeting_close(struct meeting *m)
{
    sem_destroy(&m->gate[0]);
    sem_destroy(&m->gate[1]);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
