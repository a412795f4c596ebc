/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CHECK_H
#define VIPD_CHECK_H
/*
 * One configured check: tries at its interval, counts rise and fall with
 * core/health, tells its group when it turns. tcp and http are asked from
 * vipd's loop; exec, file and process through the runner. A check that is slow
 * or hangs delays nothing but itself.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/runner.h"

struct check;

/** `up` turned; detail says what was seen last, e.g. "connect: Connection refused (3 of 3)". */
typedef void check_turned(void *arg, struct check *c, bool up, const char *detail);

/**
 * Starts at once. Until the first result a check is "unknown": not up, not down;
 * the first `rise` good or one bad result decides (see check_state()).
 * @param conf must live until check_free() or check_rebind()
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
