# Unit tests link their floor and those below it, nothing above.
AM_TESTS_ENVIRONMENT = \
  CRITERION_OUTPUTS=tap:- \
  EVOFLIP='$(abs_top_builddir)/evoflip' \
  EF_SRCDIR='$(abs_top_srcdir)' EF_BUILDDIR='$(abs_top_builddir)' \
  EF_TEST_MODELS='$(TEST_MODELS)' CC='$(CC)' \
  export CRITERION_OUTPUTS EVOFLIP EF_SRCDIR EF_BUILDDIR EF_TEST_MODELS CC;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/%D%/run_unit.sh
TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
EXTRA_DIST += %D%/run_unit.sh %D%/run_valgrind.sh %D%/lsan.supp %D%/valgrind.supp
MOSTLYCLEANFILES += %D%/*.report.*

EXTRA_DIST += %D%/peers.sh %D%/check_onnx_runtime.sh %D%/onnx_runtime.js \
  %D%/check_onnx_checker.sh %D%/onnx_checker.py \
  %D%/check_onnx_classes.sh %D%/onnx_classes.js \
  %D%/check_onnx_torch.sh
TESTS += %D%/check_onnx_cases.sh %D%/check_onnx_classes.sh %D%/check_onnx_torch.sh
# The ONNX project's own cases (Debian package libonnx-testdata), a line for each.
check_PROGRAMS += %D%/run_model
%C%_run_model_LDADD = $(FLOOR3)
EXTRA_DIST += %D%/check_onnx_cases.sh %D%/onnx_cases.py %D%/onnx_forms.py
# The same faults here and in PyTorch.
TESTS += %D%/check_faults_torch.sh
check_PROGRAMS += %D%/run_faults
%C%_run_faults_LDADD = $(FLOOR3)
EXTRA_DIST += %D%/check_faults_torch.sh %D%/faults_torch.py
check-onnx: %D%/run_model
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/%D%/check_onnx_cases.sh --list

TESTS += %D%/check_floors.sh
EXTRA_DIST += %D%/check_floors.sh

TESTS += %D%/check_cli.sh %D%/check_man.sh
EXTRA_DIST += %D%/tap.sh %D%/check_cli.sh %D%/check_man.sh

TESTS += %D%/check_schedule.sh
EXTRA_DIST += %D%/check_schedule.sh

TESTS += %D%/check_search.sh
EXTRA_DIST += %D%/check_search.sh

TESTS += %D%/check_inject.sh %D%/check_campaign.sh %D%/check_safety.sh \
  %D%/check_sweep.sh %D%/check_validate.sh %D%/check_calibrate.sh
EXTRA_DIST += %D%/check_inject.sh %D%/check_campaign.sh %D%/check_safety.sh \
  %D%/check_sweep.sh %D%/check_validate.sh %D%/check_calibrate.sh

# The unit tests under valgrind; any line in a log fails.
check-valgrind: $(UNIT_TESTS)
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(top_srcdir)/%D%/run_valgrind.sh \
	  %D%/valgrind $(UNIT_TESTS)

# Tests that take minutes: programs and scripts, `SLOW_TESTS += ...` (programs also
# in EXTRA_PROGRAMS, scripts in EXTRA_DIST).
SLOW_TESTS =
SLOW_TESTS += %D%/check_onnx_exports.sh
EXTRA_DIST += %D%/check_onnx_exports.sh %D%/onnx_exports.py %D%/exports/__init__.py \
  %D%/exports/blocks.py %D%/exports/networks.py %D%/exports/operations.py
check-slow: all %D%/run_model $(SLOW_TESTS)
	@$(AM_TESTS_ENVIRONMENT) failed=0; \
	for test in $(SLOW_TESTS); do \
	  echo "== $$test"; \
	  case $$test in \
	    *.sh) $(SHELL) $(top_srcdir)/$$test ;; \
	    *) $(SHELL) $(top_srcdir)/%D%/run_unit.sh ./$$test ;; \
	  esac || failed=1; \
	done; exit $$failed

clean-local: clean-valgrind
clean-valgrind:
	-rm -rf %D%/valgrind
.PHONY: check-onnx check-valgrind check-slow clean-valgrind

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
UNIT_TESTS =
if HAVE_CRITERION
UNIT_TESTS += %D%/test_crowding
%C%_test_crowding_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_nsga2
%C%_test_nsga2_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_knee
%C%_test_knee_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_front
%C%_test_front_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_network_problem
%C%_test_network_problem_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_seeds
%C%_test_seeds_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_store
%C%_test_store_LDADD = $(FLOOR5) $(CRITERION_LIBS)

TEST_SCRATCH = %D%/scratch.c %D%/scratch.h
RANDOM_NET = %D%/random_net.c %D%/random_net.h
TOPOLOGY_HELP = %D%/topology_help.c %D%/topology_help.h
ACCELERATOR_HELP = %D%/accelerator_help.c %D%/accelerator_help.h

UNIT_TESTS += %D%/test_status
%C%_test_status_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_mem
%C%_test_mem_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_hash
%C%_test_hash_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_text
%C%_test_text_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_stop
%C%_test_stop_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_rng
%C%_test_rng_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_mathfn
%C%_test_mathfn_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_correlation
%C%_test_correlation_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_interval
%C%_test_interval_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_nnls
%C%_test_nnls_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_sum
%C%_test_sum_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_parse
%C%_test_parse_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_progress
%C%_test_progress_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_parallel
%C%_test_parallel_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_yaml
%C%_test_yaml_SOURCES = %D%/test_yaml.c $(TEST_SCRATCH)
%C%_test_yaml_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_file
%C%_test_file_SOURCES = %D%/test_file.c $(TEST_SCRATCH)
%C%_test_file_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_map
%C%_test_map_SOURCES = %D%/test_map.c $(TEST_SCRATCH)
%C%_test_map_LDADD = $(FLOOR0) $(CRITERION_LIBS)

EXTRA_DIST += %D%/known/coefficients.py %D%/known/mathfn.py %D%/known/mathfn.inc \
  %D%/known/pcg64.cpp %D%/known/pcg64.py %D%/known/pcg64.inc

UNIT_TESTS += %D%/test_stream
%C%_test_stream_SOURCES = %D%/test_stream.c $(TEST_SCRATCH)
%C%_test_stream_LDADD = $(FLOOR0) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_csv
%C%_test_csv_SOURCES = %D%/test_csv.c $(TEST_SCRATCH)
%C%_test_csv_LDADD = $(FLOOR0) $(CRITERION_LIBS)

TEST_DATASET = %D%/dataset_help.c %D%/dataset_help.h $(TEST_SCRATCH)

UNIT_TESTS += %D%/test_dataset_csv
%C%_test_dataset_csv_SOURCES = %D%/test_dataset_csv.c $(TEST_DATASET)
%C%_test_dataset_csv_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_dataset_idx
%C%_test_dataset_idx_SOURCES = %D%/test_dataset_idx.c $(TEST_DATASET)
%C%_test_dataset_idx_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_dataset_cifar
%C%_test_dataset_cifar_SOURCES = %D%/test_dataset_cifar.c $(TEST_DATASET)
%C%_test_dataset_cifar_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_dataset_ppm
%C%_test_dataset_ppm_SOURCES = %D%/test_dataset_ppm.c $(TEST_DATASET)
%C%_test_dataset_ppm_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_split
%C%_test_split_SOURCES = %D%/test_split.c $(TEST_DATASET)
%C%_test_split_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_batch
%C%_test_batch_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_morph_function
%C%_test_morph_function_SOURCES = %D%/test_morph_function.c \
  %D%/batch_mode.c %D%/batch_mode.h $(RANDOM_NET)
%C%_test_morph_function_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_morph
%C%_test_morph_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_space
%C%_test_space_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_adapt
%C%_test_adapt_SOURCES = %D%/test_adapt.c $(TOPOLOGY_HELP)
%C%_test_adapt_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_channels
%C%_test_channels_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_accelerator
%C%_test_accelerator_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_workload
%C%_test_workload_SOURCES = %D%/test_workload.c $(TOPOLOGY_HELP)
%C%_test_workload_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_hardware_objectives
%C%_test_hardware_objectives_SOURCES = %D%/test_hardware_objectives.c $(TOPOLOGY_HELP) $(ACCELERATOR_HELP)
%C%_test_hardware_objectives_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_simulation
%C%_test_simulation_SOURCES = %D%/test_simulation.c $(RANDOM_NET) \
  $(ACCELERATOR_HELP) $(TOPOLOGY_HELP)
%C%_test_simulation_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_tasks
%C%_test_tasks_SOURCES = %D%/test_tasks.c $(RANDOM_NET) $(TOPOLOGY_HELP)
%C%_test_tasks_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_exposure
%C%_test_exposure_SOURCES = %D%/test_exposure.c $(TOPOLOGY_HELP) $(ACCELERATOR_HELP)
%C%_test_exposure_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_objectives
%C%_test_objectives_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_flip_effect
%C%_test_flip_effect_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_constants
%C%_test_constants_SOURCES = %D%/test_constants.c $(TEST_SCRATCH)
%C%_test_constants_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_resilience
%C%_test_resilience_SOURCES = %D%/test_resilience.c $(TOPOLOGY_HELP)
%C%_test_resilience_LDADD = $(FLOOR4) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_table
%C%_test_table_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_confusion
%C%_test_confusion_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_fit
%C%_test_fit_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_severity
%C%_test_severity_SOURCES = %D%/test_severity.c $(TEST_SCRATCH)
%C%_test_severity_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_protection
%C%_test_protection_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_model
%C%_test_model_SOURCES = %D%/test_model.c $(TOPOLOGY_HELP)
%C%_test_model_LDADD = $(FLOOR7) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_option
%C%_test_option_LDADD = $(FLOOR7) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_train
%C%_test_train_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_train_kernels
%C%_test_train_kernels_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_train_plan
%C%_test_train_plan_SOURCES = %D%/test_train_plan.c $(RANDOM_NET)
%C%_test_train_plan_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_forward
%C%_test_forward_SOURCES = %D%/test_forward.c %D%/kernels_wide.c $(RANDOM_NET)
%C%_test_forward_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_fold_norm
%C%_test_fold_norm_SOURCES = %D%/test_fold_norm.c $(RANDOM_NET)
%C%_test_fold_norm_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_population
%C%_test_population_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_strikes
%C%_test_strikes_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_ber
%C%_test_ber_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_fault_list
%C%_test_fault_list_SOURCES = %D%/test_fault_list.c $(TEST_SCRATCH)
%C%_test_fault_list_LDADD = $(FLOOR3) $(CRITERION_LIBS)
TEST_COVERAGE = %D%/coverage.c %D%/coverage.h
UNIT_TESTS += %D%/test_statistics
%C%_test_statistics_SOURCES = %D%/test_statistics.c $(TEST_COVERAGE)
%C%_test_statistics_LDADD = $(FLOOR3) $(CRITERION_LIBS)
EXTRA_PROGRAMS += %D%/slow_statistics
SLOW_TESTS += %D%/slow_statistics
%C%_slow_statistics_SOURCES = %D%/slow_statistics.c $(TEST_COVERAGE)
%C%_slow_statistics_LDADD = $(FLOOR3) $(CRITERION_LIBS)
TEST_TRIALS = %D%/trials.c %D%/trials.h
UNIT_TESTS += %D%/test_spread
%C%_test_spread_SOURCES = %D%/test_spread.c $(TEST_TRIALS)
%C%_test_spread_LDADD = $(FLOOR3) $(CRITERION_LIBS)
EXTRA_PROGRAMS += %D%/slow_spread
SLOW_TESTS += %D%/slow_spread
%C%_slow_spread_SOURCES = %D%/slow_spread.c $(TEST_TRIALS)
%C%_slow_spread_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_campaign
%C%_test_campaign_SOURCES = %D%/test_campaign.c $(RANDOM_NET)
%C%_test_campaign_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_fault_plan
%C%_test_fault_plan_SOURCES = %D%/test_fault_plan.c $(RANDOM_NET)
%C%_test_fault_plan_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_calibration
%C%_test_calibration_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_refit
%C%_test_refit_LDADD = $(FLOOR6) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_measure_faults
%C%_test_measure_faults_SOURCES = %D%/test_measure_faults.c $(RANDOM_NET)
%C%_test_measure_faults_LDADD = $(FLOOR6) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_validation
%C%_test_validation_SOURCES = %D%/test_validation.c $(TEST_SCRATCH)
%C%_test_validation_LDADD = $(FLOOR6) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_scatter
%C%_test_scatter_SOURCES = %D%/test_scatter.c $(TEST_SCRATCH)
%C%_test_scatter_LDADD = $(FLOOR6) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_sweep
%C%_test_sweep_SOURCES = %D%/test_sweep.c $(RANDOM_NET) $(TEST_SCRATCH)
%C%_test_sweep_LDADD = $(FLOOR6) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_resnet20
%C%_test_resnet20_LDADD = $(FLOOR3) $(CRITERION_LIBS)
EXTRA_DIST += %D%/known/resnet20.js %D%/known/resnet20.inc
UNIT_TESTS += %D%/test_ranges
%C%_test_ranges_SOURCES = %D%/test_ranges.c $(RANDOM_NET)
%C%_test_ranges_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_floating
%C%_test_floating_SOURCES = %D%/test_floating.c $(RANDOM_NET)
%C%_test_floating_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_floating_known
%C%_test_floating_known_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_int_kernels
%C%_test_int_kernels_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_rerun
%C%_test_rerun_SOURCES = %D%/test_rerun.c $(RANDOM_NET)
%C%_test_rerun_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_wide
%C%_test_wide_SOURCES = %D%/test_wide.c $(RANDOM_NET)
%C%_test_wide_LDADD = $(FLOOR3) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_classify
%C%_test_classify_SOURCES = %D%/test_classify.c $(RANDOM_NET)
%C%_test_classify_LDADD = $(FLOOR3) $(CRITERION_LIBS)
ONNX_HELP = %D%/onnx_help.c %D%/onnx_help.h
UNIT_TESTS += %D%/test_onnx_patterns
%C%_test_onnx_patterns_SOURCES = %D%/test_onnx_patterns.c $(ONNX_HELP)
%C%_test_onnx_patterns_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_patterns_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_patterns_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_origin
%C%_test_origin_SOURCES = %D%/test_origin.c $(ONNX_HELP) $(TEST_SCRATCH)
%C%_test_origin_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_origin_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_origin_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_layout
%C%_test_layout_LDADD = $(FLOOR2) $(CRITERION_LIBS)
UNIT_TESTS += %D%/test_onnx_refuse
%C%_test_onnx_refuse_SOURCES = %D%/test_onnx_refuse.c $(ONNX_HELP)
%C%_test_onnx_refuse_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_refuse_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_refuse_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_import
%C%_test_onnx_import_SOURCES = %D%/test_onnx_import.c $(ONNX_HELP) $(TEST_SCRATCH)
%C%_test_onnx_import_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_import_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_import_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_dims
%C%_test_onnx_dims_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_dims_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_dims_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_foreign
%C%_test_onnx_foreign_SOURCES = %D%/test_onnx_foreign.c $(ONNX_HELP)
%C%_test_onnx_foreign_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_foreign_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_foreign_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx
%C%_test_onnx_SOURCES = %D%/test_onnx.c $(ONNX_HELP) $(RANDOM_NET) $(TEST_SCRATCH)
%C%_test_onnx_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_constant
%C%_test_onnx_constant_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_constant_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_constant_OBJECTS): src/onnx/onnx.pb-c.h
FOLD_HELP = %D%/fold_help.c %D%/fold_help.h
UNIT_TESTS += %D%/test_onnx_fold
%C%_test_onnx_fold_SOURCES = %D%/test_onnx_fold.c $(FOLD_HELP)
%C%_test_onnx_fold_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_fold_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_fold_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_fold_math
%C%_test_onnx_fold_math_SOURCES = %D%/test_onnx_fold_math.c $(FOLD_HELP)
%C%_test_onnx_fold_math_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_fold_math_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_fold_math_OBJECTS): src/onnx/onnx.pb-c.h
UNIT_TESTS += %D%/test_onnx_fold_move
%C%_test_onnx_fold_move_SOURCES = %D%/test_onnx_fold_move.c $(FOLD_HELP)
%C%_test_onnx_fold_move_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_fold_move_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_fold_move_OBJECTS): src/onnx/onnx.pb-c.h

UNIT_TESTS += %D%/test_onnx_write
%C%_test_onnx_write_SOURCES = %D%/test_onnx_write.c $(RANDOM_NET)
%C%_test_onnx_write_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_write_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_write_OBJECTS): src/onnx/onnx.pb-c.h

UNIT_TESTS += %D%/test_onnx_source
%C%_test_onnx_source_SOURCES = %D%/test_onnx_source.c $(TEST_SCRATCH)
%C%_test_onnx_source_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_test_onnx_source_LDADD = $(FLOOR3) $(CRITERION_LIBS)
$(%C%_test_onnx_source_OBJECTS): src/onnx/onnx.pb-c.h

# The fuzz target on its corpus, with a main of its own; and, configured with
# --enable-fuzzing, with libFuzzer's: tests/fuzz_onnx NEW-FOLDER tests/corpus/onnx.
FUZZ_ONNX = %D%/fuzz_onnx.c %D%/fuzz_onnx_mutate.c %D%/fuzz_onnx.h
check_PROGRAMS += %D%/replay_onnx
TESTS += %D%/replay_onnx
%C%_replay_onnx_SOURCES = %D%/replay_onnx.c $(FUZZ_ONNX)
%C%_replay_onnx_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_replay_onnx_LDADD = $(FLOOR3)
$(%C%_replay_onnx_OBJECTS): src/onnx/onnx.pb-c.h
MOSTLYCLEANFILES += replay_onnx.mutant
EXTRA_DIST += %D%/corpus
if FUZZING
noinst_PROGRAMS += %D%/fuzz_onnx
%C%_fuzz_onnx_SOURCES = %D%/fuzz_onnx_libfuzzer.c $(FUZZ_ONNX)
%C%_fuzz_onnx_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_fuzz_onnx_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_onnx_LDADD = $(FLOOR3)
$(%C%_fuzz_onnx_OBJECTS): src/onnx/onnx.pb-c.h
endif

# Other programs read what evoflip writes.
check_PROGRAMS += %D%/write_models
%C%_write_models_SOURCES = %D%/write_models.c $(RANDOM_NET)
%C%_write_models_LDADD = $(FLOOR3) $(CRITERION_LIBS)
TESTS += %D%/check_onnx_runtime.sh %D%/check_onnx_checker.sh

UNIT_TESTS += %D%/test_topology_reference
%C%_test_topology_reference_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_format
%C%_test_format_LDADD = $(FLOOR1) $(CRITERION_LIBS)

TEST_CODE = %D%/code_help.c %D%/code_help.h
UNIT_TESTS += %D%/test_known_defects
%C%_test_known_defects_SOURCES = %D%/test_known_defects.c $(TEST_CODE) $(RANDOM_NET)
%C%_test_known_defects_LDADD = $(FLOOR3) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_code
%C%_test_code_SOURCES = %D%/test_code.c $(TEST_CODE)
%C%_test_code_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_code_int
%C%_test_code_int_SOURCES = %D%/test_code_int.c $(TEST_CODE)
%C%_test_code_int_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_code_float
%C%_test_code_float_SOURCES = %D%/test_code_float.c $(TEST_CODE)
%C%_test_code_float_LDADD = $(FLOOR1) $(CRITERION_LIBS)

TEST_GRAPH = %D%/graph_help.c %D%/graph_help.h $(RANDOM_NET)

UNIT_TESTS += %D%/test_topology
%C%_test_topology_SOURCES = %D%/test_topology.c $(TEST_GRAPH)
%C%_test_topology_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_topology_hash
%C%_test_topology_hash_SOURCES = %D%/test_topology_hash.c $(TEST_GRAPH)
%C%_test_topology_hash_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_topology_graph
%C%_test_topology_graph_SOURCES = %D%/test_topology_graph.c $(TEST_GRAPH)
%C%_test_topology_graph_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_topology_yaml
%C%_test_topology_yaml_SOURCES = %D%/test_topology_yaml.c $(TEST_GRAPH) $(TEST_SCRATCH)
%C%_test_topology_yaml_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_topology_man
%C%_test_topology_man_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_topology_fuzz
%C%_test_topology_fuzz_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_net
%C%_test_net_SOURCES = %D%/test_net.c $(RANDOM_NET)
%C%_test_net_LDADD = $(FLOOR2) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_sort
%C%_test_sort_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_hypervolume
%C%_test_hypervolume_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_variation
%C%_test_variation_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_igd
%C%_test_igd_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_nsga2_bands
%C%_test_nsga2_bands_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_thinning
%C%_test_thinning_LDADD = $(FLOOR1) $(CRITERION_LIBS)

UNIT_TESTS += %D%/test_problems
%C%_test_problems_LDADD = $(FLOOR1) $(CRITERION_LIBS)
EXTRA_DIST += %D%/known/problems.cpp %D%/known/problems.inc

UNIT_TESTS += %D%/test_preselect
%C%_test_preselect_LDADD = $(FLOOR1) $(CRITERION_LIBS)
endif
