//! What a certificate says about the build that signed (Fulcio's extensions, 1.3.6.1.4.1.57264.1).

use sigstore_crypto::CertificateInfo;

/// The claims of a workload's certificate, copied by Fulcio from the identity token. Each is there or not,
/// depending on who issued the token; certificates of people have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateClaims {
    /// The repository that was built, a URL.
    pub source_repository: Option<String>,
    /// The ref that was built, `refs/heads/main`.
    pub source_ref: Option<String>,
    /// The commit that was built.
    pub source_digest: Option<String>,
    /// The workflow or build file that ran, with its ref.
    pub build_config: Option<String>,
    /// The event that began the build.
    pub build_trigger: Option<String>,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: Option<String>,
    /// The run, a URL.
    pub run_invocation: Option<String>,
}

impl CertificateClaims {
    pub(crate) fn of(info: &CertificateInfo) -> Self {
        let (claims, old) = (&info.ci_claims, &info.ci_claims.deprecated_github);
        let is_github = info.issuer.as_deref() == Some("https://token.actions.githubusercontent.com");
        let short = old.workflow_repository.as_ref().filter(|_| is_github);
        let short = short.map(|short| format!("https://github.com/{short}"));
        Self {
            source_repository: claims.source_repository_uri.clone().or(short),
            source_ref: claims.source_repository_ref.clone().or_else(|| old.workflow_ref.clone()),
            source_digest: claims.source_repository_digest.clone().or_else(|| old.workflow_sha.clone()),
            build_config: claims.build_config_uri.clone(),
            build_trigger: claims.build_trigger.clone().or_else(|| old.workflow_trigger.clone()),
            runner_environment: claims.runner_environment.clone(),
            run_invocation: claims.run_invocation_uri.clone(),
        }
    }

    /// Each claim that is there, by the name under which it is shown.
    pub fn rows(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("source repository", &self.source_repository),
            ("source ref", &self.source_ref),
            ("source digest", &self.source_digest),
            ("build config", &self.build_config),
            ("build trigger", &self.build_trigger),
            ("runner environment", &self.runner_environment),
            ("run invocation", &self.run_invocation),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}
