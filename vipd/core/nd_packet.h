/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ND_PACKET_H
#define VIPD_CORE_ND_PACKET_H

#endif
