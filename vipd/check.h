/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CHECK_H
#define VIPD_CHECK_H
/*
 * One configured check: tries at its interval, counts rise and fall with
 * core/health, tells its group when it turns. tcp and http are asked from
 * vipd's loop; exec, file and process through the runner. A check that is slow
 * or hangs delays nothing but itself.
 *
 * Tries begin at a fixed beat, `interval` from start to start. A try that lasts
 * longer skips the beats it covers: a check is never tried twice at a time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/runner.h"

#define CHECK_DETAIL_MAX 320
/** First tries are spread over this time (or the interval, if it is less) by a hash of the name. */
#define CHECK_SPREAD_US INT64_C(50000)

struct check;

/** `up` turned; detail says what was seen last, e.g. "connect: Connection refused (3 of 3)". */
typedef void check_turned(void *arg, struct check *c, bool up, const char *detail);

/**
 * Starts at once. Until the first result a check is "unknown": not up, not down;
 * the first `rise` good or one bad result decides (see check_state()). A try that
 * could not be made (vipring-run is not there) counts as bad only `fall` times in a row.
 * @param conf must live until check_free() or check_rebind()
 * @param fn   called from the loop only; may free the check
 */
int check_new(struct check **ret, sd_event *loop, struct runner *runner, const char *digest,
              const char *group, const struct conf_check *conf, check_turned *fn, void *arg);
struct check *check_free(struct check *c);

/** After a reload that left this check as it was: point to the new config, keep the state. */
void check_rebind(struct check *c, const char *digest, const char *group,
                  const struct conf_check *conf);

enum check_state { CHECK_UNKNOWN, CHECK_UP, CHECK_DOWN };
enum check_state check_state(const struct check *c);
const struct conf_check *check_conf(const struct check *c);
/** What the last try saw; never NULL. */
const char *check_detail(const struct check *c);

#endif
