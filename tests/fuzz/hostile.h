/* tests/fuzz/hostile.h - debug segments that were changed on purpose, and all of weir-inspect's commands on them.
 *
 * An input is a list of changes to one of a few segments that were made by hand (tests/debug_image.h): numbers of the header set to what is likely to hurt,
 * bytes of tables and lines, stretches filled, and where the segment is cut. So an input of a few bytes reaches deep, and what it found stays
 * readable. The segment lies in memory of its own that ends where it ends: a sanitizer sees each read behind it.
 */
#ifndef WEIR_TESTS_HOSTILE_H
#define WEIR_TESTS_HOSTILE_H

#include <stddef.h>
#include <stdint.h>

enum hostile { HOSTILE_REFUSED, HOSTILE_REPORTED };

/* What became of it; anything else than a refusal with a reason or a report ends by fuzz_fail. */
enum hostile hostile_run(const uint8_t *data, size_t size);

#endif
