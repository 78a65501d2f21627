//! Verdicts for people and for programs: lines, `--explain` and `--json`.

use serde_json::{Value, json};
use supercargo::attest_types::{Check, CheckState, Report, SignedBy};
use supercargo::{About, Error, Outcome, Verdict, clean};

use crate::args::Common;
use crate::{output, terminal};

/// One line per verdict: what passed to stdout, what did not to stderr.
pub(crate) fn lines(verdicts: &[Verdict], common: &Common) -> Result<(), Error> {
    for verdict in verdicts {
        let head = head(verdict);
        match &verdict.outcome {
            Outcome::Passed(_) | Outcome::Signed(_) => {
                let line = verdict.report().map(Report::line).unwrap_or_default();
                output::stdout(clean(&format!("ok {head}: {line}\n")).as_bytes())?;
            }
            Outcome::OtherType { .. } if common.verbose => {
                terminal::note(common, &clean(&format!("passed over {head}: another type")));
            }
            Outcome::OtherType { .. } => {}
            Outcome::Refused { error, .. } => terminal::complain(&clean(&format!("refused {head}: {error}"))),
            Outcome::Damaged(error) => {
                terminal::complain(&clean(&format!("refused what is damaged: {error}")));
            }
        }
    }
    Ok(())
}

/// Every check of every verdict, in columns.
pub(crate) fn tables(verdicts: &[Verdict]) -> Result<(), Error> {
    for verdict in verdicts {
        output::stdout(clean(&table(verdict)).as_bytes())?;
    }
    Ok(())
}

fn table(verdict: &Verdict) -> String {
    let word = match &verdict.outcome {
        Outcome::Passed(_) | Outcome::Signed(_) => "PASSED",
        Outcome::Refused { .. } => "REFUSED",
        Outcome::Damaged(_) => "DAMAGED",
        Outcome::OtherType { .. } => "PASSED OVER",
    };
    let mut text = format!("{word} {}\n", head(verdict));
    if let Some(carrier) = &verdict.carrier {
        text.push_str(&format!("  carried by {carrier} ({})\n", verdict.layout.as_str()));
    }
    if let Outcome::Damaged(error) = &verdict.outcome {
        text.push_str(&format!("  FAILED       bundle                {error}\n"));
    }
    for check in verdict.report().map(|report| report.checks.as_slice()).unwrap_or_default() {
        text.push_str(&row(check));
    }
    text
}

fn row(check: &Check) -> String {
    let (state, name) = (state(check.state), check.name.as_str());
    let line = match check.state {
        CheckState::Passed | CheckState::Failed => {
            format!("expected {}; found {}", check.expected, check.found)
        }
        CheckState::NotReached | CheckState::NotNeeded => check.found.clone(),
    };
    format!("  {state:<11}  {name:<20}  {line}\n")
}

fn state(state: CheckState) -> &'static str {
    match state {
        CheckState::Failed => "FAILED",
        other => other.as_str(),
    }
}

fn head(verdict: &Verdict) -> String {
    let (otherwise, about) = match verdict.about {
        About::Image => ("an artifact", "image"),
        About::Index => ("an artifact", "index"),
        About::Artifact => ("a signature", "artifact"),
    };
    let what = verdict.claimed_type.as_deref().unwrap_or(otherwise);
    format!("{what} about {about} {}", verdict.subject)
}

/// A verdict as JSON.
pub(crate) fn json(verdict: &Verdict) -> Value {
    let (outcome, error) = match &verdict.outcome {
        Outcome::Passed(_) | Outcome::Signed(_) => ("passed", None),
        Outcome::Refused { error, .. } => ("refused", Some(error.to_string())),
        Outcome::Damaged(error) => ("damaged", Some(error.to_string())),
        Outcome::OtherType { .. } => ("other-type", None),
    };
    json!({
        "outcome": outcome,
        "subject": verdict.subject.to_string(),
        "subjectIsIndex": verdict.about == About::Index,
        "carrier": verdict.carrier.as_ref().map(ToString::to_string),
        "layout": verdict.layout.as_str(),
        "predicateType": verdict.claimed_type,
        "signer": verdict.report().and_then(|report| report.signer.as_ref()).map(signer),
        "signingTime": verdict.signing_time().map(|time| time.to_string()),
        "checks": verdict.report().map_or_else(Vec::new, checks),
        "error": error,
    })
}

fn checks(report: &Report) -> Vec<Value> {
    let check = |check: &Check| {
        let ok = match check.state {
            CheckState::Passed => Some(true),
            CheckState::Failed => Some(false),
            CheckState::NotReached | CheckState::NotNeeded => None,
        };
        json!({
            "check": check.name.as_str(),
            "expected": check.expected,
            "found": check.found,
            "state": check.state.as_str(),
            "ok": ok,
        })
    };
    report.checks.iter().map(check).collect()
}

/// A signer as JSON.
pub(crate) fn signer(signer: &SignedBy) -> Value {
    match signer {
        SignedBy::Key { fingerprint } => json!({"key": fingerprint.to_string()}),
        SignedBy::Identity { identity, issuer, claims } => {
            let claims: serde_json::Map<String, Value> =
                claims.rows().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            json!({"identity": identity, "issuer": issuer, "claims": claims})
        }
    }
}
