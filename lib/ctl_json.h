/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_JSON_H
#define LIB_CTL_JSON_H
/* The lines of a control socket as JSON: limits, requests, answers. */
#include <jansson.h>
#include <stddef.h>

#include "lib/ctl.h"

#define CTL_DEPTH_MAX 16 /* of [ and { in a request */
#define CTL_ERROR_MAX 512

/**
 * Parse one object. A name twice in an object is an error, so is anything
 * behind it, and nesting deeper than CTL_DEPTH_MAX.
 * @param error set on failure: one line, no newline
 * @return the object, the caller's; or NULL
 */
json_t *ctl_json_parse(const char *line, size_t len, char error[static CTL_ERROR_MAX]);

/** A request; verb and args belong to `whole`. */
struct ctl_json_request {
        json_t *whole; /* to be freed with json_decref() */
        json_t *id;    /* NULL if there was none; borrowed */
        const char *verb;
        json_t *args; /* an object; borrowed */
};

/**
 * @param error set on failure
 * @return 0 or -EBADMSG. ret->whole and ret->id may be set even then (to echo the id).
 */
int ctl_json_request_parse(const char *line, size_t len, struct ctl_json_request *ret,
                           char error[static CTL_ERROR_MAX]);

/** {"verb":..., "id":..., "args":...}. Steals args. @return NULL without memory */
json_t *ctl_json_request_make(const char *verb, json_int_t id, json_t *args);

/** {"id":..., "exit":..., "error":..., "result":...}; NULL parts are left out. Steals result. */
json_t *ctl_json_answer_make(json_t *id, enum ctl_exit code, const char *error, json_t *result);

/** A string of any bytes: what is not UTF-8 becomes "?". @return NULL without memory */
json_t *ctl_json_text(const char *text);

#endif
