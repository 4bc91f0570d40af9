noinst_LIBRARIES += %D%/libstudy.a
%C%_libstudy_a_CFLAGS = $(AM_CFLAGS) $(NLOPT_CFLAGS)
%C%_libstudy_a_SOURCES = \
  %D%/campaign.c %D%/campaign.h %D%/campaign_priv.h \
  %D%/campaign_draw.c %D%/campaign_estimate.c %D%/campaign_run.c \
  %D%/campaign_store.c \
  %D%/calibration.c %D%/calibration.h \
  %D%/candidate.c %D%/candidate.h \
  %D%/search_config.c %D%/search_config.h \
  %D%/injector.c %D%/injector.h \
  %D%/fault_plan.c %D%/fault_plan.h \
  %D%/front.c %D%/front.h \
  %D%/measure.c %D%/measure.h \
  %D%/measure_faults.c %D%/measure_faults.h \
  %D%/network_problem.c %D%/network_problem.h \
  %D%/output.c %D%/output.h \
  %D%/refit.c %D%/refit.h \
  %D%/search.c %D%/search.h %D%/search_priv.h \
  %D%/seeds.c %D%/seeds.h \
  %D%/search_setup.c %D%/search_front.c \
  %D%/search_commit.c %D%/search_resume.c \
  %D%/sweep.c %D%/sweep.h %D%/sweep_priv.h \
  %D%/sweep_run.c %D%/sweep_store.c \
  %D%/validation.c %D%/validation.h %D%/validation_priv.h \
  %D%/validation_analysis.c %D%/validation_analysis.h \
  %D%/validation_pilot.c %D%/validation_run.c %D%/validation_store.c \
  %D%/weighing.c %D%/weighing.h
