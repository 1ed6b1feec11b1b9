//! A scene on paper: plotters draws it as SVG, and pixels are rendered from that.

use std::sync::{Arc, LazyLock};

use image::{ImageEncoder, codecs::png::PngEncoder};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use resvg::tiny_skia::{self, Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::scene::{Anchor, Rgb, Scene, Shape};

/// The one font that has every letter. Named exactly: of a family that is missing empty boxes would be drawn, and nothing said.
pub const FONT: &str = "Noto Sans CJK SC";
/// Pixels to a unit of the scene.
const FINE: f32 = 2.0;

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PaintError {
    /// Plotters could not draw.
    #[error("the chart could not be drawn: {0}")]
    Draw(String),
    /// Chinese would be empty boxes.
    #[error("the font {FONT} is not there: install fonts-noto-cjk")]
    NoFont,
    /// The picture could not be written.
    #[error("the picture could not be written: {0}")]
    Encode(#[from] image::ImageError),
}

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();
    Arc::new(fonts)
});

/// The machine's fonts, looked for once.
pub fn fonts() -> &'static Arc<fontdb::Database> {
    &FONTS
}

pub(super) fn svg(scene: &Scene) -> Result<String, PaintError> {
    let mut text = String::new();
    let size = (scene.width as u32, scene.height as u32);
    paint(SVGBackend::with_string(&mut text, size), scene)?;
    Ok(text)
}

/// Pixels of a chart that [`svg`] drew.
///
/// # Errors
/// When the font is not on this machine, or the picture cannot be written.
pub fn pixels(svg: &str) -> Result<Vec<u8>, PaintError> {
    let family = [fontdb::Family::Name(FONT)];
    let wanted = fontdb::Query {
        families: &family,
        ..fontdb::Query::default()
    };
    FONTS.query(&wanted).ok_or(PaintError::NoFont)?;
    let options = usvg::Options {
        fontdb: Arc::clone(&FONTS),
        ..usvg::Options::default()
    };
    let tree =
        usvg::Tree::from_str(svg, &options).map_err(|error| PaintError::Draw(error.to_string()))?;
    let pixels = |units: f32| (units * FINE) as u32;
    let size = tree.size();
    let (width, height) = (pixels(size.width()), pixels(size.height()));
    let mut canvas = Pixmap::new(width, height)
        .ok_or_else(|| PaintError::Draw("there is no room for its pixels".to_owned()))?;
    canvas.fill(tiny_skia::Color::WHITE);
    let fine = Transform::from_scale(FINE, FINE);
    resvg::render(&tree, fine, &mut canvas.as_mut());
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(
        canvas.data(),
        width,
        height,
        image::ExtendedColorType::Rgba8,
    )?;
    Ok(file)
}

fn paint<B: DrawingBackend>(backend: B, scene: &Scene) -> Result<(), PaintError> {
    let failed = |error: DrawingAreaErrorKind<B::ErrorType>| PaintError::Draw(error.to_string());
    let area = backend.into_drawing_area();
    let at = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let all = |points: &[(f64, f64)]| points.iter().map(|point| at(*point)).collect::<Vec<_>>();
    for shape in &scene.shapes {
        match shape {
            Shape::Rect {
                x,
                y,
                width,
                height,
                fill,
                border,
            } => {
                let corners = [at((*x, *y)), at((x + width, y + height))];
                area.draw(&Rectangle::new(corners, colour(*fill).filled()))
                    .map_err(failed)?;
                if let Some(border) = border {
                    let line = colour(*border).stroke_width(2);
                    area.draw(&Rectangle::new(corners, line)).map_err(failed)?;
                }
            }
            Shape::Path {
                points,
                colour: ink,
                width,
            } => {
                let line = colour(*ink).stroke_width(width.round().max(1.0) as u32);
                area.draw(&PathElement::new(all(points), line))
                    .map_err(failed)?;
            }
            Shape::Area { points, fill } => {
                area.draw(&Polygon::new(all(points), colour(*fill).filled()))
                    .map_err(failed)?;
            }
            Shape::Text {
                x,
                y,
                text,
                size,
                anchor,
                colour: ink,
            } => {
                let side = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let ink = colour(*ink);
                let style = TextStyle::from((FONT, *size).into_font())
                    .color(&ink)
                    .pos(Pos::new(side, VPos::Center));
                area.draw(&Text::new(text.as_str(), at((*x, *y)), style))
                    .map_err(failed)?;
            }
        }
    }
    area.present().map_err(failed)
}

fn colour(Rgb(red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}
