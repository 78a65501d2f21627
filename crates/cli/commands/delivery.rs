//! Where signatures go: onto the image, in one or both layouts, and into a file.

use serde_json::{Value, json};
use supercargo::content::{Descriptor, Platform};
use supercargo::image::{Attachments, Reference};
use supercargo::signing::Signed;
use supercargo::{Error, ImageSubject, Session, SimpleSignature, clean};

use crate::args::{DeliveryArgs, LayoutArg};
use crate::output;

/// What happens to each signature of a run.
pub(crate) struct Delivery<'a> {
    args: &'a DeliveryArgs,
    layouts: Vec<LayoutArg>,
    store: Option<Box<dyn Attachments>>,
    now: jiff::Timestamp,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        args: &'a DeliveryArgs,
        session: &Session,
        reference: &Reference,
        now: jiff::Timestamp,
    ) -> Result<Self, Error> {
        let store = if args.no_attach { None } else { Some(session.attachments(reference)?) };
        let mut layouts = args.layout.clone();
        layouts.sort_unstable();
        layouts.dedup();
        Ok(Self { args, layouts, store, now })
    }

    /// With these layouts instead of those of the arguments.
    pub(crate) fn only(mut self, layouts: &[LayoutArg]) -> Self {
        self.layouts = layouts.to_vec();
        self
    }

    pub(crate) fn has(&self, layout: LayoutArg) -> bool {
        self.layouts.contains(&layout)
    }

    /// Delivers a signed statement; the row of the JSON answer.
    pub(crate) fn statement(
        &self,
        subject: &ImageSubject,
        platform: Option<&Platform>,
        signed: Signed,
    ) -> Result<Value, Error> {
        if let Some(file) = &self.args.bundle {
            output::file(file, &signed.bundle)?;
        }
        let predicate_type = signed.verified.predicate_type().clone();
        let checks = signed.verified.report().line();
        let (mut bundle, mut legacy) = (None, None);
        if let Some(store) = self.store.as_deref() {
            if self.has(LayoutArg::Legacy) && !is_image_signature(&signed) {
                legacy = Some(supercargo::attach_envelope(subject, &signed, store)?);
            }
            if self.has(LayoutArg::Bundle) {
                bundle = Some(supercargo::attach(subject, signed.bundle, &predicate_type, store, self.now)?);
            }
        }
        let what = predicate_type.uri();
        self.tell(subject, what, &[&bundle, &legacy], &checks)?;
        Ok(self.row(subject, platform, what, bundle.as_ref(), legacy.as_ref()))
    }

    /// Delivers a signature of the older form.
    pub(crate) fn simple(
        &self,
        subject: &ImageSubject,
        platform: Option<&Platform>,
        signature: &SimpleSignature,
    ) -> Result<Value, Error> {
        let legacy =
            self.store.as_ref().map(|store| supercargo::attach_simple(subject, signature, store.as_ref()));
        let legacy = legacy.transpose()?;
        self.tell(subject, "a simple signature", &[&legacy], "signature verified")?;
        Ok(self.row(subject, platform, "simple-signing", None, legacy.as_ref()))
    }

    /// Prints the rows when JSON is asked for.
    pub(crate) fn print(&self, rows: Vec<Value>) -> Result<(), Error> {
        match self.args.json {
            true => output::stdout(format!("{:#}\n", Value::Array(rows)).as_bytes()),
            false => Ok(()),
        }
    }

    fn tell(
        &self,
        subject: &ImageSubject,
        what: &str,
        carriers: &[&Option<Descriptor>],
        checks: &str,
    ) -> Result<(), Error> {
        if self.args.json {
            return Ok(());
        }
        let place = |carrier: &Descriptor| format!(", attached as {}", carrier.digest);
        let places: String = carriers.iter().filter_map(|carrier| carrier.as_ref().map(place)).collect();
        let line = format!("signed {what} about {}{places}: {checks}\n", subject.digest());
        output::stdout(clean(&line).as_bytes())
    }

    fn row(
        &self,
        subject: &ImageSubject,
        platform: Option<&Platform>,
        what: &str,
        bundle: Option<&Descriptor>,
        legacy: Option<&Descriptor>,
    ) -> Value {
        json!({
            "subject": subject.digest().to_string(),
            "platform": platform.map(ToString::to_string),
            "predicateType": what,
            "attached": bundle.map(|carrier| carrier.digest.to_string()),
            "attachedLegacy": legacy.map(|carrier| carrier.digest.to_string()),
            "bundle": self.args.bundle,
        })
    }
}

/// The older form of a signature of an image is no envelope.
fn is_image_signature(signed: &Signed) -> bool {
    signed.verified.predicate_type().uri() == supercargo::SIGNATURE_PREDICATE
}
