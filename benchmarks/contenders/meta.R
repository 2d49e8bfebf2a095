# The BCG trials by metafor (REML) or by bayesmeta (quadrature, with the priors of the model file).
#   Rscript meta.R DATA OUT metafor|bayesmeta

given <- commandArgs(trailingOnly = TRUE)
table <- read.csv(file.path(given[1], "results.csv"))
began <- proc.time()[["elapsed"]]
if (given[3] == "metafor") {
  fitted <- metafor::rma(yi, vi, data = table, method = "REML")
  mean <- c(fitted$beta[1], sqrt(fitted$tau2))
  sd <- c(fitted$se, NA)
} else {
  fitted <- bayesmeta::bayesmeta(
    table$yi, sqrt(table$vi), mu.prior = c(0, 4), tau.prior = function(t) 2 * dnorm(t, 0, 1)
  )
  mean <- fitted$summary["mean", c("mu", "tau")]
  sd <- fitted$summary["sd", c("mu", "tau")]
}
done <- proc.time()[["elapsed"]]
estimates <- data.frame(parameter = c("1", "sd:trial"), mean = mean, sd = sd)
write.csv(estimates, file.path(given[2], "estimates.csv"), row.names = FALSE, na = "")
writeLines(
  sprintf('{"compile": 0, "sample": %f, "versions": "%s %s"}', done - began, given[3], packageVersion(given[3])),
  file.path(given[2], "timing.json")
)
