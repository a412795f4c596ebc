/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_PRIORITIES_H
#define VIPD_PRIORITIES_H
/*
 * Who goes first when several event sources are ready at once; sd-event runs
 * the lowest number first. Packets come before deadlines, so that nobody is
 * declared dead whose advert is already here; bulk work comes last and gives
 * the loop back after each slice.
 */
enum {
        PRIORITY_PACKET = -100,   /* VRRP sockets */
        PRIORITY_DEADLINE = -90,  /* elections' timers */
        PRIORITY_KERNEL = -50,    /* link and address events */
        PRIORITY_SIGNAL = -40,
        PRIORITY_CHECK = 0,       /* checks, hooks, runner */
        PRIORITY_CONTROL = 10,    /* vipctl */
        PRIORITY_BULK = 50,       /* slices of addresses and announcements */
};

#endif
