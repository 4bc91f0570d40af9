# `make bench`: programs and scripts that print figures, each beside its peer's (the
# form stands in scripts/bench.sh).  A room adds `BENCHES += ...`, and a program to
# EXTRA_PROGRAMS as well, a script to EXTRA_DIST.
BENCHES =
BENCH_ROUNDS = 3
bench: $(BENCHES)
	@EF_TEST_MODELS='$(TEST_MODELS)' $(SHELL) $(top_srcdir)/scripts/bench.sh --rounds $(BENCH_ROUNDS) $^
.PHONY: bench
EXTRA_DIST += scripts/bench.sh
CLEANFILES += $(EXTRA_PROGRAMS)
BENCH_HELP = %D%/bench.h

EXTRA_PROGRAMS += %D%/bench_evolve
BENCHES += %D%/bench_evolve
%C%_bench_evolve_SOURCES = %D%/bench_evolve.c $(BENCH_HELP)
%C%_bench_evolve_LDADD = $(FLOOR1)

EXTRA_PROGRAMS += %D%/bench_pagmo
%C%_bench_pagmo_SOURCES = %D%/bench_pagmo.cpp $(BENCH_HELP)
%C%_bench_pagmo_CXXFLAGS = -std=c++17
%C%_bench_pagmo_LDADD = -lpagmo -lboost_serialization -ltbb
if HAVE_PAGMO
BENCHES += %D%/bench_pagmo
else
NO_PAGMO = -DEF_WITHOUT_PAGMO
endif
%C%_bench_evolve_CPPFLAGS = $(AM_CPPFLAGS) $(NO_PAGMO)

EXTRA_PROGRAMS += %D%/bench_train
BENCHES += %D%/bench_train %D%/bench_train_torch.py
EXTRA_DIST += %D%/bench_train_torch.py
%C%_bench_train_SOURCES = %D%/bench_train.c $(BENCH_HELP)
%C%_bench_train_CPPFLAGS = $(AM_CPPFLAGS) \
  -DEF_TOPOLOGIES='"$(abs_top_srcdir)/data/topologies"'
%C%_bench_train_LDADD = $(FLOOR3)

EXTRA_PROGRAMS += %D%/bench_forward
BENCHES += %D%/bench_forward %D%/bench_onnxruntime.sh
EXTRA_DIST += %D%/bench_onnxruntime.sh %D%/bench_onnxruntime.js
%C%_bench_forward_SOURCES = %D%/bench_forward.c $(BENCH_HELP)
%C%_bench_forward_CPPFLAGS = $(AM_CPPFLAGS) \
  -DEF_TOPOLOGIES='"$(abs_top_srcdir)/data/topologies"'
%C%_bench_forward_LDADD = $(FLOOR3)

# Prints no figure: writes what evoflip calibrate reads.
EXTRA_PROGRAMS += %D%/measure_forward
%C%_measure_forward_SOURCES = %D%/measure_forward.c $(BENCH_HELP)
%C%_measure_forward_LDADD = $(FLOOR3)

EXTRA_PROGRAMS += %D%/bench_import
BENCHES += %D%/bench_import
%C%_bench_import_SOURCES = %D%/bench_import.c $(BENCH_HELP)
%C%_bench_import_CPPFLAGS = $(AM_CPPFLAGS) -DEF_TEST_MODELS='"$(TEST_MODELS)"'
%C%_bench_import_LDADD = $(FLOOR3)

BENCH_FAULTS = %D%/faults.c %D%/faults.h $(BENCH_HELP)
EXTRA_PROGRAMS += %D%/bench_inject
BENCHES += %D%/bench_inject %D%/bench_inject_torch.py
EXTRA_DIST += %D%/bench_inject_torch.py
%C%_bench_inject_SOURCES = %D%/bench_inject.c %D%/peak.c %D%/peak.h $(BENCH_FAULTS)
%C%_bench_inject_CPPFLAGS = $(AM_CPPFLAGS) -DEF_TEST_MODELS='"$(TEST_MODELS)"'
%C%_bench_inject_LDADD = $(FLOOR3)

# Campaigns of many minutes.
EXTRA_PROGRAMS += %D%/bench_campaigns
%C%_bench_campaigns_SOURCES = %D%/bench_campaigns.c $(BENCH_FAULTS)
%C%_bench_campaigns_CPPFLAGS = $(AM_CPPFLAGS) -DEF_TEST_MODELS='"$(TEST_MODELS)"'
%C%_bench_campaigns_LDADD = $(FLOOR3)

# The figures of the search, ten seeds against random search, and of whole campaigns:
# about an hour.
bench-long: bench evoflip %D%/bench_campaigns
	$(SHELL) $(top_srcdir)/scripts/bench.sh --rounds 1 %D%/bench_campaigns
	EVOFLIP=./evoflip $(SHELL) $(top_srcdir)/data/experiments/search-digits.sh
.PHONY: bench-long
EXTRA_DIST += data/experiments/search-digits.sh

EXTRA_PROGRAMS += %D%/bench_objectives
BENCHES += %D%/bench_objectives
%C%_bench_objectives_SOURCES = %D%/bench_objectives.c $(BENCH_HELP)
%C%_bench_objectives_CPPFLAGS = $(AM_CPPFLAGS) \
  -DEF_TOPOLOGIES='"$(abs_top_srcdir)/data/topologies"' \
  -DEF_HARDWARE='"$(abs_top_srcdir)/data/hardware"'
%C%_bench_objectives_LDADD = $(FLOOR6)
