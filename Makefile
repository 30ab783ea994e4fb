# SPDX-License-Identifier: Apache-2.0
#
# 'make help' lists the targets. Settings, all of them on the command line or in the environment:
#
#   VARIANT=release|debug|asan|tsan|fuzz|afl   what to build, into build/$(VARIANT) (default: release)
#   B=DIR                             build there instead
#   V=1                               show whole commands
#   CC, CPPFLAGS, CFLAGS, LDFLAGS, PKG_CONFIG, PREFIX, DESTDIR as everywhere
#
# Sources are found, not listed; a file's folder and name decide where it belongs:
#
#   crypto/*.c index/*.c fs/*.c       libengine.a, without FUSE
#   fs/front*.c                       libfront.a, the only files that see FUSE headers
#   tools/PROGRAM.c                   main() of one program
#   tools/cmd_*.c, tools/auth_*.c     the verbs of custody and of custody-authority
#   tools/*.c otherwise               libtools.a, what the programs share
#   tests/unit/test_*.c               one cmocka program each
#   tests/{bench,crash,fuse}/*.c and tests/lib/mk*.c   one helper program each
#   tests/fuzz/*.c                    targets, which replay.c and main.c make programs of
#   tests/lib/*.c otherwise           libtest.a, what the tests share

VERSION := 0.1.0

# Debian packages: this is the only list of them. 'make deps' installs the first three.
BUILD_PKGS := gcc libc6-dev make pkg-config libfuse3-dev libsodium-dev liblmdb-dev libssl-dev \
	      libjansson-dev libarchive-dev zlib1g-dev libexif-dev libexpat1-dev
RUN_PKGS   := fuse3 openssh-client tzdata
TEST_PKGS  := libcmocka-dev bats age openssh-tests jq attr binutils util-linux procps zip xxd openssl \
	      libarchive-tools bzip2 xz-utils zstd lz4 \
	      python3 e2fsprogs libimage-exiftool-perl nodejs golang-go golang-golang-x-mod-dev \
	      rsync fio lsof inotify-tools imagemagick python3-pil restic borgbackup \
	      chromium fonts-dejavu-core poppler-utils nbdkit nbdkit-plugin-dev libnbd-bin \
	      systemd pinentry-tty zsh fish man-db mandoc
LINT_PKGS  := clang clang-format clang-tidy cppcheck shellcheck mandoc
CRASH_PKGS := xfsprogs btrfs-progs
LONG_PKGS  := systemd-container dbus debootstrap lintian
DEB_PKGS   := debhelper dpkg-dev
FUZZ_PKGS  := clang libclang-rt-14-dev $(if $(filter afl,$(FUZZ_ENGINE)),afl++)
BENCH_PKGS := gocryptfs securefs squashfuse squashfs-tools restic borgbackup procps util-linux

# pkg-config modules: those of the engine, of the front alone, of the unit tests alone.
ENGINE_PC := libsodium lmdb libcrypto jansson libarchive zlib libexif expat
FUSE_PC	  := fuse3
TEST_PC	  := cmocka

# ---- settings -----------------------------------------------------------------------------------

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VARIANT	   ?= release
B	   ?= build/$(VARIANT)
PREFIX	   ?= /usr/local
PKG_CONFIG ?= pkg-config
INSTALL	   ?= install
# The make builtin default is 'cc'; the compiler is gcc unless somebody chose one.
ifeq ($(origin CC),default)
CC := $(or $(if $(filter fuzz,$(VARIANT)),clang),$(if $(filter afl,$(VARIANT)),afl-clang-fast),gcc)
endif

# cc-option: the flag if this compiler takes it, else nothing.
cc-option = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	    -Wformat=2 -Wundef
HARDEN	 := -fPIE -fstack-protector-strong $(call cc-option,-fstack-clash-protection) \
	    $(call cc-option,-fcf-protection)
FORTIFY	 := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

VARIANTS := release debug asan tsan fuzz afl
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT): must be one of $(VARIANTS))
endif
variant-cppflags-release := $(FORTIFY)
variant-cflags-release	 := -O2 -g
variant-cflags-debug	 := -Og -g3
variant-cflags-asan	 := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
			    -fno-sanitize-recover=all
variant-cflags-tsan	 := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
variant-cflags-fuzz	 := $(variant-cflags-asan) -fsanitize=fuzzer-no-link
# afl-clang-fast takes sanitizers from its environment.
variant-cflags-afl	 := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link
ifeq ($(VARIANT),afl)
export AFL_USE_ASAN := 1
export AFL_USE_UBSAN := 1
export AFL_QUIET := 1
endif

PC_ALL	   := $(ENGINE_PC) $(FUSE_PC) $(TEST_PC)
PC_MISSING := $(shell for p in $(PC_ALL); do $(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
pc-cflags   = $(shell $(PKG_CONFIG) --cflags $(filter-out $(PC_MISSING),$(1)) 2>/dev/null)
pc-libs	    = $(shell $(PKG_CONFIG) --libs $(filter-out $(PC_MISSING),$(1)) 2>/dev/null)
# need: stop with one line when one of these modules is missing.
need	    = $(if $(filter $(1),$(PC_MISSING)),$(error missing development package for: \
	      $(filter $(1),$(PC_MISSING)); 'make deps' installs it))

ALL_CPPFLAGS := -D_GNU_SOURCE -I. -DCUSTODY_VERSION='"$(VERSION)"' \
		$(variant-cppflags-$(VARIANT)) $(call pc-cflags,$(ENGINE_PC)) $(CPPFLAGS)
ALL_CFLAGS   := -std=c11 -pthread $(WARNINGS) $(HARDEN) $(variant-cflags-$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS  := -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(variant-cflags-$(VARIANT)) \
		$(LDFLAGS)
ENGINE_LIBS  := $(call pc-libs,$(ENGINE_PC))
FUSE_CFLAGS  := $(call pc-cflags,$(FUSE_PC))
FUSE_LIBS    := $(call pc-libs,$(FUSE_PC))
TEST_CFLAGS  := $(call pc-cflags,$(TEST_PC))
TEST_LIBS    := $(call pc-libs,$(TEST_PC))
# pthread_cancel loads libgcc_s when it is first called, which a Landlock rule then forbids: a
# daemon that shuts libfuse down by it must have the library from the start.
LIBGCC_S     := -Wl,--push-state,--no-as-needed -lgcc_s -Wl,--pop-state

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(patsubst $(B)/%,%,$@)
endif

# ---- what there is ------------------------------------------------------------------------------

obj = $(patsubst %.c,$(B)/%.o,$(1))

CRYPTO_SRC := $(wildcard crypto/*.c)
INDEX_SRC  := $(wildcard index/*.c)
FRONT_SRC  := $(wildcard fs/front*.c)
ENGINE_SRC := $(CRYPTO_SRC) $(INDEX_SRC) $(filter-out $(FRONT_SRC),$(wildcard fs/*.c))

MAIN_SRC   := $(wildcard tools/custodyfs.c tools/custody.c tools/custody-authority.c)
CMD_SRC	   := $(wildcard tools/cmd_*.c)
AUTH_SRC   := $(wildcard tools/auth_*.c)
TOOLS_SRC  := $(filter-out $(MAIN_SRC) $(CMD_SRC) $(AUTH_SRC),$(wildcard tools/*.c))

UNIT_SRC   := $(wildcard tests/unit/test_*.c)
# Tests load these into programs of others, and into ours.
SHARED_SRC := $(wildcard tests/crash/recorder.c tests/crash/nosync.c tests/fault/*.c)
HELPER_SRC := $(filter-out $(SHARED_SRC),$(wildcard tests/lib/mk*.c \
	      $(foreach d,bench crash fuse,tests/$d/*.c)))
TEST_SRC   := $(filter-out $(HELPER_SRC),$(wildcard tests/lib/*.c))
FUZZ_SRC   := $(filter-out tests/fuzz/main.c tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))

PROGRAMS   := $(patsubst tools/%.c,%,$(MAIN_SRC))
UNIT	   := $(patsubst %.c,$(B)/%,$(UNIT_SRC))
HELPERS	   := $(patsubst %.c,$(B)/%,$(HELPER_SRC))
SHARED	   := $(patsubst %.c,$(B)/%.so,$(SHARED_SRC))
UNASKED	   := $(B)/tests/fuse/unasked
REPLAY	   := $(B)/tests/fuzz/replay
# Unit tests that start threads run under ThreadSanitizer too.
THREAD_SRC := $(if $(UNIT_SRC),$(shell grep -l pthread_create $(UNIT_SRC)))

MANPAGES   := $(wildcard man/*.[1578])
SCRIPTS	   := .ci/run .ci/deps tests/lib/run-tests $(wildcard tests/*/*.sh tools/contrib/scripts/*) \
	      tools/contrib/completions/generate
C_FILES	   := $(wildcard crypto/*.[ch] index/*.[ch] fs/*.[ch] tools/*.[ch] tests/*/*.[ch])

# ---- building -----------------------------------------------------------------------------------

.PHONY: all
all: $(addprefix $(B)/,$(PROGRAMS)) ## build the programs (default)
	@:

# stamp: a file that is as old as the last change of the text it holds.
define stamp
$$(B)/$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$(2))' | cmp -s - $$@ || \
		printf '%s\n' '$$(subst ','\'',$(2))' >$$@
endef
$(eval $(call stamp,.flags,$$(CC) $$(ALL_CPPFLAGS) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) $$(ENGINE_LIBS)))
$(eval $(call stamp,.sources,$$(ENGINE_SRC) $$(FRONT_SRC) $$(TOOLS_SRC) $$(TEST_SRC)))

$(B)/%.o: %.c $(B)/.flags
	$(call need,$(ENGINE_PC))
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(EXTRA_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(call obj,$(FRONT_SRC) $(wildcard tests/unit/test_front*.c)): EXTRA_CPPFLAGS = \
	$(call need,$(FUSE_PC))$(FUSE_CFLAGS)
$(call obj,$(UNIT_SRC) $(TEST_SRC)): EXTRA_CPPFLAGS += $(call need,$(TEST_PC))$(TEST_CFLAGS)

# Archives are made anew, so that the object of a deleted source does not live on in them.
$(B)/lib%.a: $(B)/.sources
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)
$(B)/libengine.a: $(call obj,$(ENGINE_SRC))
$(B)/libfront.a: $(call obj,$(FRONT_SRC))
$(B)/libtools.a: $(call obj,$(TOOLS_SRC))
$(B)/libtest.a: $(call obj,$(TEST_SRC))

link = $(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(B)/custodyfs: $(B)/tools/custodyfs.o $(B)/libtools.a $(B)/libfront.a $(B)/libengine.a
	$(call need,$(FUSE_PC))
	$(call say,LD)
	$(link) $(FUSE_LIBS) $(ENGINE_LIBS) $(LIBGCC_S)

$(B)/custody: $(B)/tools/custody.o $(call obj,$(CMD_SRC)) $(B)/libtools.a $(B)/libengine.a
$(B)/custody-authority: $(B)/tools/custody-authority.o $(call obj,$(AUTH_SRC)) $(B)/libtools.a \
			$(B)/libengine.a
$(B)/custody $(B)/custody-authority: $(B)/.sources
	$(call say,LD)
	$(link) $(ENGINE_LIBS)

# The test of one file of crypto/ or index/ is linked with its layer and what lies below it, which
# proves that no call points up; every other test has the whole engine, the front and the tools.
unit-layer = $(call obj,$(if $(wildcard crypto/$(1).c),$(CRYPTO_SRC),$(if $(wildcard \
	     index/$(1).c),$(INDEX_SRC) $(CRYPTO_SRC))))
unit-libs  = $(B)/libtest.a $(or $(unit-layer),$(B)/libtools.a $(B)/libfront.a $(B)/libengine.a)

.SECONDEXPANSION:
$(UNIT): $(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $$(call unit-libs,$$*)
	$(call say,LD)
	$(link) $(TEST_LIBS) $(FUSE_LIBS) $(ENGINE_LIBS)

# The recorder needs the header of nbdkit; without it, it is left out, and its tests are skipped.
$(SHARED): $(B)/%.so: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(call say,SO)
	$(Q)if echo '#include <nbdkit-plugin.h>' | $(CC) -DNBDKIT_API_VERSION=2 -E -o /dev/null - 2>/dev/null || \
		[ $(<F) != recorder.c ]; then \
		$(CC) -D_GNU_SOURCE $(WARNINGS) -std=c11 -O2 -g -fPIC -shared -pthread -o $@ $< -ldl; \
	else touch $@; fi

$(filter-out $(UNASKED),$(HELPERS)): %: %.o $(B)/libtest.a $(B)/libengine.a
	$(call say,LD)
	$(link) $(FUSE_LIBS) $(ENGINE_LIBS)

# custody as a node may have it that exports what it was not granted.
$(UNASKED): $(UNASKED).o $(B)/tools/custody.o $(call obj,$(CMD_SRC)) $(B)/libtools.a $(B)/libengine.a
	$(call say,LD)
	$(link) -Wl,--wrap=authorisation_may_export $(ENGINE_LIBS)

# The targets over the cases of tests/corpora, with any compiler; and in a fuzzer.
$(REPLAY): $(B)/tests/fuzz/replay.o
$(B)/tests/fuzz/fuzz: $(B)/tests/fuzz/main.o
$(REPLAY) $(B)/tests/fuzz/fuzz: $(call obj,$(FUZZ_SRC)) $(B)/libtest.a $(B)/libtools.a $(B)/libengine.a
	$(call say,LD)
	$(link) $(if $(filter %/fuzz,$@),-fsanitize=fuzzer) $(ENGINE_LIBS)

.PHONY: unit-tests thread-tests helpers
unit-tests: $(UNIT) $(REPLAY)
thread-tests: $(patsubst %.c,$(B)/%,$(THREAD_SRC))
helpers: $(HELPERS) $(SHARED)
unit-tests thread-tests helpers: ; @:

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)

# ---- installing ---------------------------------------------------------------------------------

INSTALL_PROGRAMS ?= $(PROGRAMS)
MOUNT_LINKS	 := mount.custodyfs mount.fuse.custodyfs
mandir		 := $(DESTDIR)$(PREFIX)/share/man
UNITS		 := $(wildcard tools/contrib/systemd/*)
CONTRIB		 := $(wildcard tools/contrib/scripts/*)
unitdir		 ?= $(DESTDIR)$(PREFIX)/lib/systemd/system

BASHDIR		 := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR		 ?= $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISHDIR		 := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

# From what --help says. The authority's programs may be installed alone, or not at all.
complete	  = $(Q)mkdir -p $(@D) && tools/contrib/completions/generate $(lastword $(subst ., ,$@)) $(B) $(1) >$@
COMPLETIONS	 := $(addprefix $(B)/completions/,$(foreach p,$(filter-out custodyfs,$(INSTALL_PROGRAMS)),$p.bash $p.zsh $p.fish))
$(filter %/custody.bash %/custody.zsh %/custody.fish,$(COMPLETIONS)): all
	$(call say,GEN)
	$(call complete,custody custodyfs)
$(B)/completions/custody-authority.%: all
	$(call say,GEN)
	$(call complete,custody-authority)

.PHONY: install uninstall
install: all $(COMPLETIONS) ## install to $(DESTDIR)$(PREFIX) (mount(8) finds its helper with PREFIX=/usr)
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin
	$(INSTALL) -m 755 $(addprefix $(B)/,$(INSTALL_PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	$(foreach l,$(MOUNT_LINKS),ln -sfn ../bin/custodyfs $(DESTDIR)$(PREFIX)/sbin/$l &&) :
	$(foreach m,$(MANPAGES),$(INSTALL) -D -m 644 -t $(mandir)/man$(lastword $(subst ., ,$m)) $m &&) :
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/custodyfs $(CONTRIB)
	$(foreach p,$(basename $(notdir $(filter %.bash,$(COMPLETIONS)))), \
		$(INSTALL) -D -m 644 $(B)/completions/$p.bash $(BASHDIR)/$p && \
		$(INSTALL) -D -m 644 $(B)/completions/$p.zsh $(ZSHDIR)/_$p && \
		$(INSTALL) -D -m 644 $(B)/completions/$p.fish $(FISHDIR)/$p.fish &&) :
	ln -sfn custody $(BASHDIR)/custodyfs
	ln -sfn custody.fish $(FISHDIR)/custodyfs.fish
	$(INSTALL) -d $(unitdir)
	$(foreach u,$(UNITS),sed 's|/usr/local/|$(PREFIX)/|' '$u' | $(INSTALL) -m 644 /dev/stdin '$(unitdir)/$(notdir $u)' &&) :

uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,custodyfs custody custody-authority) \
		$(addprefix $(DESTDIR)$(PREFIX)/sbin/,$(MOUNT_LINKS)) \
		$(foreach m,$(MANPAGES),$(mandir)/man$(lastword $(subst ., ,$m))/$(notdir $m)) \
		$(foreach u,$(UNITS),'$(unitdir)/$(notdir $u)') $(ZSHDIR)/_custody $(ZSHDIR)/_custody-authority \
		$(foreach p,custodyfs custody custody-authority,$(BASHDIR)/$p $(FISHDIR)/$p.fish) \
		$(CONTRIB:tools/contrib/scripts/%=$(DESTDIR)$(PREFIX)/lib/custodyfs/%)

DEB ?= build/deb
.PHONY: deb
deb: ## Debian packages, into build/deb: custodyfs, custodyfs-authority, custodyfs-doc
	@.ci/deps $(BUILD_PKGS) $(DEB_PKGS)
	+@tools/contrib/deb/build $(VERSION) $(DEB)

.PHONY: deps
deps: ## install the Debian packages that are missing (a quick no-op when none is)
	@MISSING='$(PC_MISSING)' .ci/deps $(BUILD_PKGS) $(RUN_PKGS) $(TEST_PKGS)

# ---- testing ------------------------------------------------------------------------------------

# The sanitizer builds lie beside the default build, or inside the folder that B= names.
sibling	   = $(if $(filter file,$(origin B)),build/$(1),$(B)/$(1))
# As many jobs as there are processors, unless the caller has chosen.
jobs	   = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

sub	   = $(MAKE) $(jobs)
build-cli  = $(sub) VARIANT=$(VARIANT) B=$(B) all helpers
build-unit = $(sub) VARIANT=asan B=$(call sibling,asan) unit-tests && \
	     $(sub) VARIANT=tsan B=$(call sibling,tsan) thread-tests
unit-args  = $(patsubst %.c,asan:$(call sibling,asan)/%,$(UNIT_SRC)) \
	     asan:$(call sibling,asan)/tests/fuzz/replay \
	     $(patsubst %.c,tsan:$(call sibling,tsan)/%,$(THREAD_SRC))
cli-args   = $(addprefix cli:,$(sort $(wildcard tests/cli/*.bats)))
fuse-args  = $(addprefix fuse:,$(sort $(wildcard tests/fuse/*.bats)))
run-tests  = tests/lib/run-tests -b $(B) -t 600

.PHONY: check check-unit check-cli check-fuse
check: ## build and run all tests; the last line says "N passed, N failed"
	+@$(sub) deps
	+@$(build-cli) && $(build-unit)
	@$(run-tests) $(fuse-args) $(cli-args) $(unit-args)

check-unit: ## the unit tests under ASan+UBSan, those with threads under TSan too
	+@$(build-unit)
	@$(run-tests) $(unit-args)

check-cli: ## the programs' tests, without a mount
	+@$(build-cli)
	@$(run-tests) $(cli-args)

check-fuse: ## the tests of real mounts
	+@$(build-cli)
	@$(run-tests) $(fuse-args)

# The long forms of tests that 'check' runs in short: KILLS kill points in all of backup, restore, repair;
# watched folders and ingests killed 100 times; a burst of 50,000 files; units in a systemd that is booted.
KILLS ?= 1000
.PHONY: check-integration
check-integration: ## the long and heavy tests: 1000 kill points, 50,000 files at once, packages, a booted systemd
	+@$(sub) deps
	@.ci/deps $(LONG_PKGS) $(DEB_PKGS) || :
	+@$(build-cli)
	@KILLS=$(KILLS) CUSTODY_BURST=50000 CUSTODY_KILLS=100 CUSTODY_BOOT=1 CUSTODY_DEB=1 CUSTODY_LONG=1 $(run-tests) -t 3600 \
		$(addprefix cli:tests/cli/,packages.bats units.bats integration.bats backup_kill.bats watch.bats resume.bats)

# Programs under valgrind: what it says goes to files, so that the tests see what they always do.
# VALGRIND='cli:tests/cli/X.bats...': these files.
VALGRIND     ?= $(addprefix cli:tests/cli/,names.bats derived.bats node.bats)
VALGRIND_DIR := $(call sibling,valgrind)
.PHONY: valgrind
valgrind: ## tests of the command line with the programs under valgrind (VALGRIND='cli:FILE...')
	@.ci/deps valgrind
	+@$(sub) B=$(VALGRIND_DIR)/bin CPPFLAGS=-DDB_MAP_SIZE=0x40000000UL all helpers
	@rm -rf $(VALGRIND_DIR)/said && mkdir -p $(VALGRIND_DIR)/said && ln -sfn bin/tests $(VALGRIND_DIR)/tests
	@for p in $(PROGRAMS); do \
		printf '#!/bin/sh\nexec valgrind -q --vgdb=no --log-file=%s/%%p --leak-check=full --errors-for-leak-kinds=definite %s "$$@"\n' \
			$(abspath $(VALGRIND_DIR))/said $(abspath $(VALGRIND_DIR))/bin/$$p >$(VALGRIND_DIR)/$$p && \
		chmod +x $(VALGRIND_DIR)/$$p || exit 1; done
	@tests/lib/run-tests -b $(VALGRIND_DIR) -t 1800 $(VALGRIND); rc=$$?; \
		find $(VALGRIND_DIR)/said -type f -size +0 -exec cat {} + | head -200; \
		[ -z "$$(find $(VALGRIND_DIR)/said -type f -size +0)" ] && exit $$rc

# The formats are a draft: a change of one makes the archives anew that tests/fuse/golden.bats reads.
.PHONY: golden
golden: ## make the archives of tests/golden anew, when a format has changed
	+@$(build-cli)
	@B='$(abspath $(B))' tests/golden/make.sh

.PHONY: demo bench bench-quick
demo: ## the walk-through, from capture to released copy (IMAGES=DIR: with your own images)
	+@$(sub) deps
	+@$(build-cli)
	@B='$(abspath $(B))' tests/demo/demo.sh $(if $(IMAGES),'$(IMAGES)')

# A tool that can't be installed is told of and left out.
bench: ## measure beside other tools: medians and ratios (BENCH='--help' for options)
	+@$(sub) deps
	@.ci/deps $(BENCH_PKGS) || :
	+@$(build-cli)
	@B='$(abspath $(B))' tests/bench/bench.sh $(BENCH)

bench-quick: ## the same in two minutes, with less of everything
	+@$(MAKE) bench BENCH='--quick $(BENCH)'

# Hundreds of states of a disk whose power went, on three file systems; and what is found without syncs.
CRASH_STATES ?= 200
CRASH_FS     ?= ext4 xfs btrfs
CRASH_SEED   ?= 1
.PHONY: crash
crash: ## power cuts: CRASH_STATES (200) disks as they may be afterwards, on each of CRASH_FS (ext4 xfs btrfs)
	@.ci/deps $(CRASH_PKGS)
	+@$(build-cli)
	@export B=$(abspath $(B)); for fs in $(CRASH_FS); do \
		tests/crash/crash.sh $$fs $(CRASH_STATES) $(CRASH_SEED) || exit 1; \
		for which in all /journal/ /segments/; do \
			NOSYNC=$$which tests/crash/crash.sh $$fs 24 $(CRASH_SEED) >/dev/null 2>&1 || exit 1; \
			echo "$$fs: without syncs of $$which: losses found, as they must be"; \
		done; done

# FAULT_EVERY=10: only every tenth call. FAULT='VERB...': only these.
FAULT_EVERY ?= 1
.PHONY: fault
fault: ## each system call of each verb fails in turn, in each way; and memory, and descriptors
	+@$(sub) deps
	+@$(build-cli)
	@B='$(abspath $(B))' tests/fault/fault.sh $(FAULT_EVERY) $(FAULT)

# Readers of bytes from outside under libFuzzer: every target for FUZZ_SECONDS. fuzz goes on from what
# the last run found (FUZZ_DIR), and with FUZZ_ENGINE=afl runs AFL++. FUZZ='TARGET...': only these.
FUZZ_SECONDS ?= $(if $(filter fuzz-smoke,$(MAKECMDGOALS)),3,600)
FUZZ_ENGINE  ?= libfuzzer
FUZZ_DIR     ?= build/fuzz-corpora
fuzz-variant  = $(if $(filter afl,$(FUZZ_ENGINE)),afl,fuzz)
.PHONY: fuzz fuzz-smoke
fuzz fuzz-smoke: ## every parser under libFuzzer (fuzz: 10 minutes each, FUZZ_ENGINE=afl: AFL++; smoke: 3 s)
	@.ci/deps $(FUZZ_PKGS)
	+@$(sub) VARIANT=$(fuzz-variant) B=$(call sibling,$(fuzz-variant)) \
		$(call sibling,$(fuzz-variant))/tests/fuzz/fuzz \
		$(call sibling,$(fuzz-variant))/tests/fuzz/replay
	@tests/fuzz/fuzz.sh $(FUZZ_ENGINE) $(call sibling,$(fuzz-variant))/tests/fuzz $(FUZZ_SECONDS) \
		$(if $(filter fuzz-smoke,$@),-,$(FUZZ_DIR)) $(FUZZ)

# ---- keeping the source in order ----------------------------------------------------------------

# Not these: our length checks make the _s functions needless, lengths are not always of strings,
# small constants are multiplied as int on purpose, and va_start is not understood by clang 14. What
# the path-sensitive analyser finds is to be read; the other checks must find nothing.
NO_TIDY := clang-analyzer-security.insecureAPI.* clang-analyzer-valist.Uninitialized \
	   bugprone-easily-swappable-parameters bugprone-implicit-widening-of-multiplication-result \
	   bugprone-not-null-terminated-result bugprone-reserved-identifier cert-dcl37-c \
	   cert-dcl51-cpp cert-err33-c cert-err34-c
empty :=
comma := ,
TIDY := -*,clang-analyzer-*,bugprone-*,cert-*,misc-static-assert$(subst $(empty) $(empty),,$(NO_TIDY:%=$(comma)-%))

.PHONY: lint scan check-format format check-layers
# What it says is to be read. Known and wrong: fs/mountpoint.c (a line with options has a target), and
# wherever it does not see through err_set() or form_fail().
scan: ## gcc -fanalyzer over all sources: findings, one a line
	@for f in $(ENGINE_SRC) $(FRONT_SRC) $(wildcard tools/*.c); do \
		$(CC) -fanalyzer -O1 -std=c11 $(ALL_CPPFLAGS) $(FUSE_CFLAGS) -U_FORTIFY_SOURCE -c -o /dev/null $$f 2>&1 | \
			grep 'warning:'; done; :

lint: check-layers ## static analysis: clang-tidy, cppcheck, shellcheck, mandoc
	@.ci/deps $(LINT_PKGS)
	clang-tidy --quiet --warnings-as-errors='bugprone-*,cert-*,misc-*' --checks='$(TIDY)' \
		$(ENGINE_SRC) $(FRONT_SRC) $(wildcard tools/*.c) -- \
		$(filter-out -Werror,$(WARNINGS)) -std=c11 $(ALL_CPPFLAGS) $(FUSE_CFLAGS)
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppress=ctuuninitvar \
		--suppress=ctunullpointer \
		-I. -D__GNUC__ --enable=warning,performance,portability $(ENGINE_SRC) $(FRONT_SRC) tools/*.c
	shellcheck -x $(SCRIPTS)
	$(if $(MANPAGES),mandoc -T lint -W warning $(MANPAGES))

# tools -> fs -> index -> crypto, one concept that uses LMDB, three that use OpenSSL, FUSE in the front alone.
check-layers: ## does any include point the wrong way?
	@! grep -nE '^#include "(fs|index|tools|tests)/' crypto/*.[ch] /dev/null
	@! grep -nE '^#include "(fs|tools|tests)/' index/*.[ch] /dev/null
	@! grep -nE '^#include "(tools|tests)/' fs/*.[ch] /dev/null
	@! grep -nE '^#include <lmdb.h>' $(filter-out index/db%.c tests/unit/test_db%,$(C_FILES)) /dev/null
	@! grep -nE '^#include <openssl/' $(filter-out crypto/hash.c crypto/digest.c crypto/gcm.c tests/unit/test_gcm.c,$(C_FILES)) /dev/null
	@! grep -nE '^#include <fuse' $(filter-out fs/front% tests/%,$(C_FILES)) /dev/null

check-format: ## would clang-format change a file?
	@.ci/deps clang-format
	clang-format --dry-run --Werror $(C_FILES)

format: ## let clang-format change them
	clang-format -i $(C_FILES)

.PHONY: clean help FORCE
clean: ## remove what was built
	$(if $(filter file,$(origin B)),rm -rf build,test ! -e $(B)/.flags || rm -rf $(B))

help: ## this list
	@printf 'Targets:\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' $(firstword $(MAKEFILE_LIST)) | \
		while read -r target text; do printf '  %-14s %s\n' "$$target" "$$text"; done
	@printf 'Settings (see the top of the Makefile): VARIANT B V CC CFLAGS LDFLAGS PREFIX DESTDIR\n'

FORCE:
