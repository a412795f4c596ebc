/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_HOOK_EVENT_H
#define LIB_HOOK_EVENT_H
/* The words for enum conf_hook_on: in the configuration, towards vipring-run, in VIPRING_EVENT. */
#include <stddef.h>
#include <string.h>

#include "lib/config.h"

/** @param on one bit of enum conf_hook_on; NULL for anything else */
static inline const char *hook_event_name(unsigned on)
{
        switch (on) {
        case CONF_HOOK_ACTIVE:
                return "active";
        case CONF_HOOK_BACKUP:
                return "backup";
        case CONF_HOOK_FAULT:
                return "fault";
        case CONF_HOOK_STOP:
                return "stop";
        case CONF_HOOK_BEFORE_ACTIVE:
                return "before-active";
        case CONF_HOOK_BEFORE_BACKUP:
                return "before-backup";
        case CONF_HOOK_BEFORE_FAULT:
                return "before-fault";
        case CONF_HOOK_BEFORE_STOP:
                return "before-stop";
        }
        return NULL;
}

/** @return the bit of enum conf_hook_on, 0 for an unknown word */
static inline unsigned hook_event_from_name(const char *name)
{
        for (unsigned on = CONF_HOOK_ACTIVE; on <= CONF_HOOK_BEFORE_STOP; on <<= 1)
                if (strcmp(hook_event_name(on), name) == 0)
                        return on;
        return 0;
}

#endif
