# Unit tests link their floor and those below it, nothing above.
AM_TESTS_ENVIRONMENT = \
  CRITERION_OUTPUTS=tap:- \
  EVOFLIP='$(abs_top_builddir)/evoflip' \
  EF_SRCDIR='$(abs_top_srcdir)' EF_BUILDDIR='$(abs_top_builddir)' \
  EF_TEST_MODELS='$(TEST_MODELS)' \
  export CRITERION_OUTPUTS EVOFLIP EF_SRCDIR EF_BUILDDIR EF_TEST_MODELS;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
UNIT_TESTS =
if HAVE_CRITERION
UNIT_TESTS += %D%/test_store
%C%_test_store_LDADD = $(FLOOR5) $(CRITERION_LIBS)

TEST_SCRATCH = %D%/scratch.c %D%/scratch.h

UNIT_TESTS += %D%/test_stream
%C%_test_stream_SOURCES = %D%/test_stream.c $(TEST_SCRATCH)
%C%_test_stream_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_csv
%C%_test_csv_SOURCES = %D%/test_csv.c $(TEST_SCRATCH)
%C%_test_csv_LDADD = $(FLOOR0) $(CRITERION_LIBS)
endif
