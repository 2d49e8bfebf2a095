# A crossed design or a meta-analysis by brms (rstan), with the priors of the model file.
#   Rscript brms.R DATA OUT crossed|bcg [DRAWS]

suppressPackageStartupMessages(library(brms))
given <- commandArgs(trailingOnly = TRUE)
meta <- given[3] == "bcg"
draws <- if (length(given) > 3) as.integer(given[4]) else 4000L
table <- read.csv(file.path(given[1], "results.csv"))

if (meta) {
  groups <- "trial"
  formula <- bf(yi | se(sqrt(vi)) ~ 0 + Intercept + (1 | trial))
  chosen <- c(prior(normal(0, 4), class = "b"), prior(normal(0, 1), class = "sd"))
} else {
  groups <- setdiff(names(table), c("x", "y"))
  formula <- bf(reformulate(c("0", "Intercept", "x", sprintf("(1 | %s)", groups)), "y"))
  chosen <- c(
    prior(normal(0, 1), class = "b", coef = "Intercept"),
    prior(normal(0, 0.25), class = "b", coef = "x"),
    prior(normal(0, 0.25), class = "sd"),
    prior(normal(0, 0.25), class = "sigma")
  )
}

# Debian keeps the headers of the packages BH and RcppEigen with those of the system.
if (system.file("include", package = "BH") == "") rstan::rstan_options(boost_lib = "/usr/include")
if (system.file("include", package = "RcppEigen") == "") rstan::rstan_options(eigen_lib = "/usr/include/eigen3")

began <- proc.time()[["elapsed"]]
compiled <- brm(formula, table, prior = chosen, chains = 0, silent = 2)
ready <- proc.time()[["elapsed"]]
fitted <- update(
  compiled, recompile = FALSE, chains = 4, cores = 2, seed = 1, silent = 2, refresh = 0,
  iter = draws / 2, warmup = draws / 4
)
done <- proc.time()[["elapsed"]]

found <- as.data.frame(as_draws_df(fitted))
names(found) <- sub("^b_Intercept$", "1", names(found))
names(found) <- sub("^b_", "", names(found))
names(found) <- sub("^sigma$", "residual", names(found))
names(found) <- sub("^sd_(.*)__Intercept$", "sd:\\1", names(found))
names(found) <- sub("^r_([^[]*)\\[(.*),Intercept\\]$", "1|\\1[\\2]", names(found))
found <- found[, !(names(found) %in% c("lp__", "lprior", ".iteration", if (meta) "residual"))]
write.csv(found, file.path(given[2], "draws.csv"), row.names = FALSE)
writeLines(
  sprintf(
    '{"compile": %f, "sample": %f, "versions": "brms %s, rstan %s"}',
    ready - began, done - ready, packageVersion("brms"), packageVersion("rstan")
  ),
  file.path(given[2], "timing.json")
)
