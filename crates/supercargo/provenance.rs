//! SLSA provenance out of what a build machine says about the run.

use serde_json::{Map, Value, json};

use crate::Error;

/// The variables of the environment that [`slsa_provenance`] reads.
pub const CI_VARIABLES: &[&str] = &[
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_SHA",
    "CI_CONFIG_PATH",
    "CI_JOB_ID",
    "CI_JOB_NAME",
    "CI_JOB_STARTED_AT",
    "CI_JOB_URL",
    "CI_PIPELINE_SOURCE",
    "CI_PROJECT_ID",
    "CI_PROJECT_URL",
    "CI_RUNNER_ID",
    "CI_SERVER_URL",
    "GITHUB_ACTIONS",
    "GITHUB_EVENT_NAME",
    "GITHUB_REF",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_WORKFLOW_REF",
    "GITLAB_CI",
    "RUNNER_ENVIRONMENT",
];

/// The predicate of SLSA provenance v1 (slsa.dev/spec/v1.1/provenance) for the run that this environment belongs to,
/// GitHub Actions or GitLab CI.
///
/// It says what the build machine says; only a certificate for the same run proves that. A variable that is needed and
/// missing is an error: provenance with holes in it looks like provenance.
pub fn slsa_provenance(variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<u8>, Error> {
    let read = Variables(variable);
    let predicate = match (variable("GITHUB_ACTIONS").as_deref(), variable("GITLAB_CI").as_deref()) {
        (Some("true"), _) => github(&read)?,
        (_, Some("true")) => gitlab(&read)?,
        _ => {
            return Err(Error::Usage {
                message: "this is no run of GitHub Actions or GitLab CI, so there is no provenance to state"
                    .into(),
                hint: Some("run it in CI, or give the predicate with `--predicate FILE`".into()),
            });
        }
    };
    Ok(predicate.to_string().into_bytes())
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Result<String, Error> {
        let missing = || Error::Usage {
            message: format!("the provenance of this run needs {name}, which is not set"),
            hint: Some("pass the variables of the build machine on to supercargo".into()),
        };
        (self.0)(name).ok_or_else(missing)
    }
}

/// The build type that GitHub documents for its workflows (actions.github.io/buildtypes/workflow/v1).
fn github(read: &Variables<'_>) -> Result<Value, Error> {
    let (server, repository) = (read.get("GITHUB_SERVER_URL")?, read.get("GITHUB_REPOSITORY")?);
    let (reference, commit) = (read.get("GITHUB_REF")?, read.get("GITHUB_SHA")?);
    // `org/app/.github/workflows/release.yml@refs/heads/main`
    let workflow = read.get("GITHUB_WORKFLOW_REF")?;
    let path = workflow.split('@').next().unwrap_or_default();
    let path = path.strip_prefix(&format!("{repository}/")).unwrap_or(path);
    let source = format!("{server}/{repository}");
    let run = format!(
        "{source}/actions/runs/{}/attempts/{}",
        read.get("GITHUB_RUN_ID")?,
        read.get("GITHUB_RUN_ATTEMPT")?
    );
    let internal = json!({
        "event_name": read.get("GITHUB_EVENT_NAME")?,
        "repository_id": read.get("GITHUB_REPOSITORY_ID")?,
        "repository_owner_id": read.get("GITHUB_REPOSITORY_OWNER_ID")?,
        "runner_environment": read.get("RUNNER_ENVIRONMENT")?,
    });
    Ok(json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": { "workflow": { "ref": reference, "repository": source, "path": path } },
            "internalParameters": { "github": internal },
            "resolvedDependencies": [dependency(&format!("git+{source}@{reference}"), &commit)],
        },
        "runDetails": { "builder": { "id": format!("{server}/{workflow}") }, "metadata": { "invocationId": run } },
    }))
}

/// The build type that GitLab's runner documents (gitlab-runner, PROVENANCE.md), with the commit under its right name.
fn gitlab(read: &Variables<'_>) -> Result<Value, Error> {
    let (project, commit) = (read.get("CI_PROJECT_URL")?, read.get("CI_COMMIT_SHA")?);
    let reference = read.get("CI_COMMIT_REF_NAME")?;
    let builder = format!("{project}/-/runners/{}", read.get("CI_RUNNER_ID")?);
    let mut metadata = Map::new();
    metadata.insert("invocationId".into(), read.get("CI_JOB_URL")?.into());
    if let Ok(started) = read.get("CI_JOB_STARTED_AT") {
        metadata.insert("startedOn".into(), started.into());
    }
    let internal = json!({
        "job": read.get("CI_JOB_ID")?,
        "pipeline_source": read.get("CI_PIPELINE_SOURCE")?,
        "project_id": read.get("CI_PROJECT_ID")?,
        "server": read.get("CI_SERVER_URL")?,
    });
    let config = read.get("CI_CONFIG_PATH").unwrap_or_else(|_| ".gitlab-ci.yml".to_owned());
    Ok(json!({
        "buildDefinition": {
            "buildType": "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/PROVENANCE.md",
            "externalParameters": {
                "source": project, "ref": reference, "entryPoint": read.get("CI_JOB_NAME")?, "config": config,
            },
            "internalParameters": { "gitlab": internal },
            "resolvedDependencies": [dependency(&format!("git+{project}@{reference}"), &commit)],
        },
        "runDetails": { "builder": { "id": builder }, "metadata": metadata },
    }))
}

fn dependency(uri: &str, commit: &str) -> Value {
    json!({ "uri": uri, "digest": { "gitCommit": commit } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github_run(name: &str) -> Option<String> {
        let value = match name {
            "GITHUB_ACTIONS" => "true",
            "GITHUB_SERVER_URL" => "https://github.com",
            "GITHUB_REPOSITORY" => "org/app",
            "GITHUB_REF" => "refs/heads/main",
            "GITHUB_SHA" => "0123456789abcdef0123456789abcdef01234567",
            "GITHUB_WORKFLOW_REF" => "org/app/.github/workflows/release.yml@refs/heads/main",
            "GITHUB_RUN_ID" => "3",
            "GITHUB_RUN_ATTEMPT" => "1",
            "RUNNER_ENVIRONMENT" => "github-hosted",
            name if name.starts_with("GITHUB_") => "x",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_github_run_names_source_workflow_and_builder() {
        let json: Value = serde_json::from_slice(&slsa_provenance(&github_run).unwrap()).unwrap();
        let workflow = &json["buildDefinition"]["externalParameters"]["workflow"];
        assert_eq!(workflow["path"], ".github/workflows/release.yml");
        assert_eq!(workflow["repository"], "https://github.com/org/app");
        let source = &json["buildDefinition"]["resolvedDependencies"][0];
        assert_eq!(source["uri"], "git+https://github.com/org/app@refs/heads/main");
        assert_eq!(
            json["runDetails"]["builder"]["id"],
            "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main"
        );
        assert_eq!(
            json["runDetails"]["metadata"]["invocationId"],
            "https://github.com/org/app/actions/runs/3/attempts/1"
        );
    }

    #[test]
    fn a_gitlab_run_names_them_too() {
        let run = |name: &str| match name {
            "GITLAB_CI" => Some("true".to_owned()),
            "CI_PROJECT_URL" => Some("https://gitlab.example/org/app".to_owned()),
            "CI_CONFIG_PATH" | "CI_JOB_STARTED_AT" => None,
            name if name.starts_with("CI_") => Some(format!("<{name}>")),
            _ => None,
        };
        let json: Value = serde_json::from_slice(&slsa_provenance(&run).unwrap()).unwrap();
        assert_eq!(json["buildDefinition"]["externalParameters"]["config"], ".gitlab-ci.yml");
        assert_eq!(
            json["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"],
            "<CI_COMMIT_SHA>"
        );
        assert_eq!(
            json["runDetails"]["builder"]["id"],
            "https://gitlab.example/org/app/-/runners/<CI_RUNNER_ID>"
        );
    }

    #[test]
    fn holes_are_errors_and_every_variable_is_listed() {
        let asked = std::cell::RefCell::new(Vec::new());
        let noting = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            github_run(name)
        };
        slsa_provenance(&noting).unwrap();
        assert!(asked.borrow().iter().all(|name| CI_VARIABLES.contains(&name.as_str())));
        let hole = |name: &str| github_run(name).filter(|_| name != "GITHUB_SHA");
        assert!(slsa_provenance(&hole).unwrap_err().to_string().contains("GITHUB_SHA"));
        assert!(slsa_provenance(&|_: &str| None).is_err());
        assert!(CI_VARIABLES.is_sorted());
    }
}
