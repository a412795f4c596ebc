/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the contract for states and causes. */
#include "vipd/core/election.h"

const char *election_state_name(enum election_state s)
{
        switch (s) {
        case ELECTION_INIT:
                return "init";
        case ELECTION_BACKUP:
                return "backup";
        case ELECTION_ACTIVE:
                return "active";
        }
        return "?";
}

const char *election_cause_name(enum election_cause c)
{
        switch (c) {
        case ELECTION_CAUSE_NONE:
                return "none";
        case ELECTION_CAUSE_START:
                return "start";
        case ELECTION_CAUSE_ADVERT_TIMEOUT:
                return "advert-timeout";
        case ELECTION_CAUSE_RESIGN:
                return "resign";
        case ELECTION_CAUSE_PREEMPT:
                return "preempt";
        case ELECTION_CAUSE_CONFLICT:
                return "conflict";
        case ELECTION_CAUSE_FAULT:
                return "fault";
        case ELECTION_CAUSE_OPERATOR:
                return "operator";
        case ELECTION_CAUSE_STALL:
                return "stall";
        case ELECTION_CAUSE_STOP:
                return "stop";
        }
        return "?";
}
