# A crossed design by lme4::lmer: the restricted likelihood's maximum, with standard errors.
#   Rscript lmer.R DATA OUT

given <- commandArgs(trailingOnly = TRUE)
table <- read.csv(file.path(given[1], "results.csv"), stringsAsFactors = TRUE)
groups <- setdiff(names(table), c("x", "y"))
began <- proc.time()[["elapsed"]]
formula <- reformulate(c("x", sprintf("(1 | %s)", groups)), "y")
fitted <- lme4::lmer(formula, table, REML = TRUE)
done <- proc.time()[["elapsed"]]

fixed <- coef(summary(fitted))
spread <- as.data.frame(lme4::VarCorr(fitted))
estimates <- data.frame(
  parameter = c("1", "x", sub("^sd:Residual$", "residual", paste0("sd:", spread$grp))),
  mean = c(fixed[, "Estimate"], spread$sdcor),
  sd = c(fixed[, "Std. Error"], rep(NA, nrow(spread)))
)
write.csv(estimates, file.path(given[2], "estimates.csv"), row.names = FALSE, na = "")
writeLines(
  sprintf('{"compile": 0, "sample": %f, "versions": "lme4 %s"}', done - began, packageVersion("lme4")),
  file.path(given[2], "timing.json")
)
