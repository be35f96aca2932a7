import '../tokens.css';
import './page.css';
import './turn-app.js';
