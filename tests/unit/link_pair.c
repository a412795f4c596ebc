/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/link_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"

#define SKIPPED 77

static void skip(const char *why)
{
        fprintf(stderr, "skipped: %s\n", why);
        exit(SKIPPED);
}

void enter(int ns)
{
        if (setns(ns, CLONE_NEWNET) < 0)
                abort();
}

__attribute__((format(printf, 2, 0))) static int run(int ns, const char *format, va_list args)
{
        char command[1024];
        int status;
        pid_t pid;

        vsnprintf(command, sizeof(command), format, args);
        pid = fork();
        if (pid == 0) {
                enter(ns);
                execl("/bin/sh", "sh", "-c", command, (char *)NULL);
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                abort();
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int at_near(struct link_pair *p, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = run(p->near_ns, format, args);
        va_end(args);
        return r;
}

int at_far(struct link_pair *p, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = run(p->far_ns, format, args);
        va_end(args);
        return r;
}

bool far_comes_to(struct link_pair *p, int seconds, const char *command)
{
        mono_t until = mono_add_us(clock_now(), seconds * US_PER_S);

        while (at_far(p, "%s", command) != 0) {
                if (mono_reached(until, clock_now()))
                        return false;
                usleep(20000);
        }
        return true;
}

static int own_namespace(void)
{
        int fd;

        if (unshare(CLONE_NEWNET) < 0)
                skip("no right to make network namespaces");
        fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                abort();
        return fd;
}

void link_pair_up(struct link_pair *p)
{
        if (system("ip -V >/dev/null 2>&1") != 0)
                skip("iproute2 is missing");
        p->far_ns = own_namespace();
        p->near_ns = own_namespace();
        /* `ip` needs a name for the other namespace: our descriptor of it, as it inherits none */
        if (at_near(p, "ip link add near type veth peer name far netns /proc/%d/fd/%d",
                    (int)getpid(), p->far_ns) != 0)
                skip("cannot make a veth pair");
        if (at_near(p, "ip link set lo up; ip link set near up; ip addr add 192.0.2.1/24 dev near;"
                       "ip addr add 2001:db8::1/64 dev near nodad") != 0 ||
            at_far(p, "ip link set lo up; ip link set far up; ip addr add 192.0.2.2/24 dev far;"
                      "ip addr add 2001:db8::2/64 dev far nodad") != 0)
                skip("cannot set up addresses");
}

struct kernel_link look_at_link(const char *name)
{
        struct kernel_link link = {.carrier = true};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq ifr = {0};

        snprintf(link.name, sizeof(link.name), "%s", name);
        memcpy(ifr.ifr_name, link.name, IFNAMSIZ);
        if (ioctl(fd, SIOCGIFINDEX, &ifr) == 0)
                link.ifindex = ifr.ifr_ifindex;
        if (ioctl(fd, SIOCGIFHWADDR, &ifr) == 0)
                memcpy(link.mac, ifr.ifr_hwaddr.sa_data, 6);
        if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0) {
                link.up = ifr.ifr_flags & IFF_UP;
                link.loopback = ifr.ifr_flags & IFF_LOOPBACK;
        }
        close(fd);
        return link;
}
