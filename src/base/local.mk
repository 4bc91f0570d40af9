noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
  %D%/status.c %D%/status.h \
  %D%/mem.c %D%/mem.h \
  %D%/hash.c %D%/hash.h \
  %D%/text.c %D%/text.h \
  %D%/stop.c %D%/stop.h \
  %D%/stream.c %D%/stream.h \
  %D%/csv.c %D%/csv.h \
  %D%/problem.h \
  %D%/rng.c %D%/rng.h \
  %D%/file.c %D%/file.h \
  %D%/map.c %D%/map.h \
  %D%/parallel.c %D%/parallel.h \
  %D%/correlation.c %D%/correlation.h \
  %D%/interval.c %D%/interval.h \
  %D%/nnls.c %D%/nnls.h \
  %D%/mathfn.c %D%/mathfn.h \
  %D%/sum.c %D%/sum.h \
  %D%/parse.c %D%/parse.h \
  %D%/yaml.c %D%/yaml_load.c %D%/yaml.h %D%/yaml_priv.h \
  %D%/progress.c %D%/progress.h
