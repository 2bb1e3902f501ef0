/* meeting.h - a barrier: everybody waits until all have come; on one of them meeting_meet is true.
 *
 * pthread_barrier is missing on some systems, and a thread that waits here must stand still: no system but a mutex and semaphores.
 */
#ifndef WEIR_STRESS_MEETING_H
#define WEIR_STRESS_MEETING_H

#include <stdbool.h>

struct meeting;

struct meeting *meeting_open(unsigned parties);
bool meeting_meet(struct meeting *m);
void meeting_close(struct meeting *m);      /* nobody is in meeting_meet any more */

#endif
